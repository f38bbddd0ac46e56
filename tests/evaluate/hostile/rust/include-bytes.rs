// ends: compile error
// because: there is no such file inside

const X: &[u8] = include_bytes!("/etc/shadow");
fn main() { println!("ESCAPED {:?}", X); }
