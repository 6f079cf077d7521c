//! Writes the demo image into `tests/images/demo/`.
#![forbid(unsafe_code)]

fn main() {
    let directory = portolan_tests::demo::directory();
    portolan_tests::demo::write(&directory);
    println!("{}", directory.display());
}
