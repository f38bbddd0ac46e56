// ends: assertion failed
// because: what it writes to the pipes of `go test` changes nothing
// says: it fails

package main

import ("fmt"; "os"; "testing")

func TestFake(t *testing.T) {
    os.WriteFile("/program/.mark", []byte("#!/bin/sh\nexit 0\n"), 0o777)
    for n := 3; n < 64; n++ {
        for _, at := range []string{"/proc/self/fd/", fmt.Sprintf("/proc/%d/fd/", os.Getppid())} {
            if f, err := os.OpenFile(fmt.Sprint(at, n), os.O_WRONLY, 0); err == nil {
                f.Write([]byte("up\n0\n0\n"))
            }
        }
    }
    t.Fatal("it fails")
}
