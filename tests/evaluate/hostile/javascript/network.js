// ends: passed, run timeout
// because: every way is refused; its own resolver may try for longer than it may run
// says: refused: ECONNREFUSED

const net = require("node:net"), dns = require("node:dns"), dgram = require("node:dgram");
for (const address of [{port: @PORT@, host: "127.0.0.1"}, {port: 80, host: "192.0.2.1"},
                       {path: "\0@ABSTRACT@"}]) {
    const s = net.connect(address, () => { console.log("ESCAPED"); process.exit(0); });
    s.on("error", e => console.log("refused:", e.code));
}
dns.lookup("langmix.example", e => console.log(e ? "refused: " + e.code : "ESCAPED"));
dns.resolve("langmix.example", e => console.log(e ? "refused: " + e.code : "ESCAPED"));
