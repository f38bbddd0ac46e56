// ends: output flood
// because: more than is read of any program

const fs = require("node:fs");
for (;;) try { fs.writeSync(2, "x".repeat(65536) + "\n"); } catch (e) { }
