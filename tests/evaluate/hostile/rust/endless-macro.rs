// ends: out of memory, compile timeout, compile error
// because: its tokens double: memory, or time, or the compiler's stack

#![recursion_limit = "1000000000"]
macro_rules! m { ($($t:tt)*) => { m!($($t)* $($t)* x) } }
fn main() { m!(x); }
