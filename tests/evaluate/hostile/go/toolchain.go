// ends: passed
// because: toolchains and caches are read-only
// says: ok

package main

import ("os"; "path/filepath"; "testing")

func TestCache(t *testing.T) {
    if err := os.WriteFile("/opt/langmix/go-cache/@MARKER@", []byte("x"), 0o666); err == nil {
        t.Fatal("ESCAPED: the build cache is written")
    }
    n := 0
    filepath.Walk("/opt/langmix/go-cache", func(at string, info os.FileInfo, err error) error {
        if err == nil && !info.IsDir() {
            n++
            if os.Remove(at) == nil || os.Truncate(at, 0) == nil {
                t.Fatal("ESCAPED: the build cache is changed", at)
            }
        }
        return nil
    })
    if n < 10 {
        t.Fatal("no build cache?", n)
    }
}
