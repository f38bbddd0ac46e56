// ends: compile error
// because: there is no such file inside

const X: &str = include_str!("/etc/passwd");
fn main() { println!("ESCAPED {}", X); }
