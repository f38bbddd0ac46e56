// ends: crash
// because: SIGXFSZ, or no space left

use std::io::Write;
fn main() {
    let mut f = std::fs::File::create("/tmp/x").unwrap();
    loop { f.write_all(&[1u8; 1 << 16]).unwrap(); }
}
