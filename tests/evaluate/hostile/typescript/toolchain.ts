// ends: passed
// because: compilers are in another sandbox
// says: gone: ENOENT

declare var require: any;
const fs = require("fs");
const library = "/opt/langmix/typescript/lib";
for (const at of [library + "/tsc.js", library + "/lib.d.ts", library + "/@MARKER@"])
    try { fs.appendFileSync(at, "x"); console.log("ESCAPED: " + at); }
    catch (e) { console.log("gone: " + (e as any).code); }
try { console.log("ESCAPED: " + fs.readdirSync(library)); }
catch (e) { console.log("gone: " + (e as any).code); }
