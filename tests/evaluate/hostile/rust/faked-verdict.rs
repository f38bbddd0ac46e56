// ends: crash
// because: no stream but its own three is there to write to

use std::io::Write; use std::os::unix::io::FromRawFd;
fn main() {
    for n in 3..256 {
        let mut f = unsafe { std::fs::File::from_raw_fd(n) };
        if f.write_all(b"up\n0\n").is_ok() { println!("ESCAPED: {}", n); }
        std::mem::forget(f);
    }
    std::process::exit(3);
}
