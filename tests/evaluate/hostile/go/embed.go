// ends: compile error
// because: patterns do not leave the folder

package main

import (_ "embed"; "testing")

//go:embed /etc/passwd
var x string

//go:embed ../../etc/passwd
var y string

func TestEmbed(t *testing.T) { t.Log("ESCAPED", x, y) }
