//! Builds again when a migration was added: they are part of the binary.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
