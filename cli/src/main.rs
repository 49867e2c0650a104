//! `watchbell`.
fn main() {}
