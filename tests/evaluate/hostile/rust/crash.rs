// ends: crash
// because: SIGSEGV; no core is left
// says: before

fn main() {
    println!("before");
    unsafe { *(8 as *mut u8) = 1; }
}
