// ends: compile timeout
// because: the compiler computes it
// limits: compile_seconds=6 run_seconds=2

#![allow(long_running_const_eval)]
const fn f() -> u64 { let mut k = 0u64; loop { k = k.wrapping_add(1); if k == u64::MAX { return k; } } }
const X: u64 = f();
fn main() { println!("{}", X); }
