// ends: out of memory
// because: memory that V8's own limit does not count

const x = [];
for (;;) x.push(Buffer.alloc(1 << 20, 1));
