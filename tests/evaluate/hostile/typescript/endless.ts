// ends: run timeout
// because: it never comes to an end
// limits: run_seconds=2

const x: number[] = []; for (;;) { x[0] = x.length; }
