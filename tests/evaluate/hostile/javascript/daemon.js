// ends: passed
// because: the program itself has ended well; its daemon is gone with it
// says: left

const { spawn } = require("node:child_process");
spawn("sh", ["-c", "sleep 1; while :; do echo ESCAPED; touch /tmp/@MARKER@ @HOST_FOLDER@/@MARKER@; done"],
      { detached: true, stdio: "inherit" }).unref();
console.log("left");
process.exit(0);
