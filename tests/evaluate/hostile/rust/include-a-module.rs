// ends: compile error
// because: there is no such file inside

#[path = "/etc/passwd"] mod x;
#[path = "@HOST_FILE@"] mod y;
fn main() {}
