// ends: passed
// because: nothing outside can be written
// says: refused: EINVAL

const fs = require("node:fs");
for (const place of ["/", "/usr", "/etc", "/dev", "@HOST_FOLDER@", "@HOME@", "/opt"])
    for (const way of [at => fs.writeFileSync(at, "x"), at => fs.mkdirSync(at),
                       at => fs.symlinkSync("/etc/passwd", at)])
        try { way(place + "/@MARKER@"); console.log("ESCAPED: " + place); }
        catch (e) { console.log("refused:", place, e.code); }
try { process.setuid(0); console.log("ESCAPED"); } catch (e) { console.log("refused:", e.code); }
