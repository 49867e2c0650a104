//! The real programs, as `cargo build --workspace` has made them.

use std::{env, path::PathBuf};

/// The path of one of our programs.
///
/// # Panics
/// When it was not built: `cargo xtask test` builds everything first.
pub fn program(name: &str) -> PathBuf {
    let folder = env::var_os("WATCHBELL_BIN_DIR").map_or_else(debug_folder, PathBuf::from);
    let path = folder.join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    path
}

/// A test runs from `target/debug/deps`.
fn debug_folder() -> PathBuf {
    let mut folder = env::current_exe().expect("a test knows its own path");
    folder.pop();
    folder.pop();
    folder
}
