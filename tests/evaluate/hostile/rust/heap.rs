// ends: out of memory
// because: more memory than it may have

fn main() {
    let mut x: Vec<Vec<u8>> = Vec::new();
    loop { x.push(vec![1u8; 1 << 20]); if x.len() == 0 { break; } }
    println!("{}", x.len());
}
