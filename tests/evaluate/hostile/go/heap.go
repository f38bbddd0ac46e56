// ends: out of memory
// because: more memory than it may have

package main

import "testing"

var x [][]byte

func TestHeap(t *testing.T) {
    for {
        y := make([]byte, 1<<20)
        for k := range y {
            y[k] = 1
        }
        x = append(x, y)
    }
}
