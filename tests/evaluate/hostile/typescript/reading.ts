// ends: passed
// because: what is of the machine is not there
// says: work: blocking.cjs,main.js

declare var require: any, process: any;
const fs = require("fs");
for (const at of ["/etc/shadow", "/etc/passwd", "@HOST_FILE@", "@HOME@", "/proc/1/root/etc/passwd"])
    if (fs.existsSync(at)) console.log("ESCAPED: " + at);
console.log(JSON.stringify(process.env), fs.readFileSync("/proc/1/environ", "utf8"));
console.log("work: " + fs.readdirSync("/program").join());
