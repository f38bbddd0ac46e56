// ends: compile error
// because: there is no cgo

package main

// #include "/etc/passwd"
// #cgo LDFLAGS: -Wl,--dynamic-linker=/program/x
import "C"
import "testing"

func TestC(t *testing.T) { t.Log("ESCAPED") }
