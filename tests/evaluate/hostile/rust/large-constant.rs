// ends: out of memory, compile error
// because: the compiler is refused the memory, or fills it

static X: [u8; 1 << 34] = [1; 1 << 34];
fn main() { println!("{}", X[7]); }
