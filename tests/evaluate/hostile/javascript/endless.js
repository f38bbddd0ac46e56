// ends: run timeout
// because: it never comes to an end
// limits: compile_seconds=6 run_seconds=2

process.on("SIGTERM", () => {}); for (;;) /^(a+)+$/.test("a".repeat(40) + "b");
