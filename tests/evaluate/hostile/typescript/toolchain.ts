// ends: passed
// because: toolchains are read-only
// says: refused: EROFS

declare var require: any;
const fs = require("fs");
const library = "/opt/langmix/typescript/lib";
for (const at of [library + "/tsc.js", library + "/lib.d.ts", library + "/@MARKER@"])
    try { fs.appendFileSync(at, "x"); console.log("ESCAPED: " + at); }
    catch (e) { console.log("refused: " + (e as any).code); }
for (const at of fs.readdirSync(library).slice(0, 20))
    try { fs.unlinkSync(library + "/" + at); console.log("ESCAPED: " + at); }
    catch (e) { console.log("refused: " + (e as any).code); }
