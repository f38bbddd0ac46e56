// ends: passed
// because: the program itself has ended well; its daemon is gone with it
// says: ok

package main

import ("os/exec"; "syscall"; "testing")

func TestLeave(t *testing.T) {
    c := exec.Command("sh", "-c", "sleep 1; touch @HOST_FOLDER@/@MARKER@; sleep 60")
    c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
    if err := c.Start(); err != nil {
        t.Fatal(err)
    }
}
