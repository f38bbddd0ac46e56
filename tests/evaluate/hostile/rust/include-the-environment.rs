// ends: passed
// because: the compiler's environment is a clean one
// says: None

const X: &str = include_str!("/proc/self/environ");
const Y: Option<&str> = option_env!("@VARIABLE@");
fn main() { println!("{:?} {:?}", X, Y); if Y.is_some() { println!("ESCAPED"); } }
