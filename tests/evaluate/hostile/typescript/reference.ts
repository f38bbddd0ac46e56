// ends: compile error
// because: there is no such file inside

/// <reference path="/etc/passwd" />
/// <reference path="@HOST_FILE@" />
/// <reference types="../../../etc" />
import x = require("/etc/shadow");
console.log("ESCAPED", x);
