// ends: out of memory
// because: spawn panics where it is refused a thread

use std::{thread, time::Duration};
fn main() {
    loop { thread::spawn(|| thread::sleep(Duration::from_secs(60))); }
}
