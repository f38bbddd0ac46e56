// ends: out of memory, compile error
// because: the compiler or the linker is refused the memory or the file, or fills it

package main

import "testing"

var x = [1 << 32]byte{1<<32 - 1: 1}

func TestLarge(t *testing.T) { t.Log(x[7]) }
