// ends: compile error
// because: there is no such variable inside

fn main() { println!("ESCAPED {}", env!("@VARIABLE@")); }
