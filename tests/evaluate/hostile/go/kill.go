// ends: crash
// because: it kills the command that tests it

package main

import ("syscall"; "testing"; "time")

func TestKill(t *testing.T) {
    syscall.Kill(1, syscall.SIGKILL)
    syscall.Kill(-1, syscall.SIGKILL)
    time.Sleep(time.Minute)
}
