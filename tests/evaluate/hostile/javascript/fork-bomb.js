// ends: run timeout, out of memory, crash
// because: node itself may be refused a thread
// limits: run_seconds=2

const { spawn } = require("node:child_process");
function go() {
    for (let k = 0; k < 50; k++)
        spawn("bash", ["-c", ":(){ :|:& };:"], { detached: true, stdio: "ignore" }).on("error", () => {});
    setTimeout(go, 10);
}
go();
