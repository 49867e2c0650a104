//! `watchbell-server`.
fn main() {}
