//! The migrations are compiled in: a new file means building again.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
