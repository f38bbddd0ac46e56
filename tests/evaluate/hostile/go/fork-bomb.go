// ends: run timeout, out of memory, crash
// because: its own threads may be refused
// limits: run_seconds=2

package main

import ("os"; "os/exec"; "testing"; "time")

func TestMain(m *testing.M) {
    for {
        c := exec.Command(os.Args[0])
        if c.Start() != nil {
            time.Sleep(time.Millisecond)
        }
    }
}
func TestNothing(t *testing.T) {}
