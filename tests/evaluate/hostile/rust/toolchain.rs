// ends: passed
// because: toolchains are read-only
// says: tried 5

use std::fs; use std::path::Path;
fn main() {
    let mut tried = 0;
    for place in &["/opt/langmix/rust", "/opt/langmix/rust/bin", "/opt/langmix/rust/lib", "/usr/lib", "/"] {
        tried += 1;
        if fs::write(Path::new(place).join("@MARKER@"), "x").is_ok() { println!("ESCAPED: {}", place); }
    }
    for at in &["/opt/langmix/rust/bin/rustc", "/usr/bin/rustc", "/usr/bin/cc"] {
        if fs::remove_file(at).is_ok() { println!("ESCAPED: {}", at); }
        if fs::OpenOptions::new().append(true).open(at).is_ok() { println!("ESCAPED: {}", at); }
    }
    for at in &["/etc/shadow", "/etc/passwd", "@HOST_FILE@", "@HOME@"] {
        if Path::new(at).exists() { println!("ESCAPED: {}", at); }
    }
    println!("tried {}", tried);
}
