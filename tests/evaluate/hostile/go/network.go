// ends: passed
// because: every way is refused
// says: ok

package main

import ("net"; "testing"; "time")

func TestReach(t *testing.T) {
    for _, at := range [][2]string{{"tcp", "127.0.0.1:@PORT@"}, {"tcp", "192.0.2.1:80"},
        {"unix", "@@ABSTRACT@"}, {"udp", "192.0.2.1:53"}} {
        c, err := net.DialTimeout(at[0], at[1], 2*time.Second)
        if err == nil {
            t.Fatal("ESCAPED to", at, c)
        }
    }
}
