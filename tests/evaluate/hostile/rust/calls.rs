// ends: passed
// because: every one is refused, and it says so
// says: tried

extern "C" {
    fn unshare(flags: i32) -> i32; fn chroot(path: *const u8) -> i32; fn setuid(id: u32) -> i32;
    fn ptrace(request: i64, pid: i32, address: usize, data: usize) -> i64;
    fn mount(a: *const u8, b: *const u8, c: *const u8, flags: u64, data: *const u8) -> i32;
}
fn main() {
    let tmp = b"/tmp\0".as_ptr();
    unsafe {
        for flag in &[0x10000000, 0x20000, 0x40000000] {
            if unshare(*flag) == 0 { println!("ESCAPED by unshare"); }
        }
        if chroot(tmp) == 0 || setuid(0) == 0 { println!("ESCAPED by chroot or setuid"); }
        if ptrace(16, 1, 0, 0) == 0 { println!("ESCAPED by ptrace"); }
        if mount(tmp, tmp, b"tmpfs\0".as_ptr(), 0, tmp) == 0 { println!("ESCAPED by mount"); }
    }
    println!("tried");
}
