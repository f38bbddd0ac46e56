// ends: passed
// because: the program itself has ended well; its daemon is gone with it
// says: left

use std::process::Command;
fn main() {
    Command::new("setsid").args(&["-f", "sh", "-c", "sleep 1; touch @HOST_FOLDER@/@MARKER@; sleep 60"])
        .spawn().unwrap().wait().unwrap();
    println!("left");
}
