//! The real programs, as `cargo build --workspace` has made them.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The path of one of our programs.
///
/// # Panics
/// When it was not built: `cargo xtask test` builds everything first.
pub fn program(name: &str) -> PathBuf {
    let folder = env::var_os("WATCHBELL_BIN_DIR").map_or_else(own_folder, PathBuf::from);
    let path = folder.join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace` first", path.display());
    path
}

/// Where this program is, and so the others.
fn own_folder() -> PathBuf {
    folder_of(&env::current_exe().expect("a program knows its own path"))
}

/// A program of ours is in `target/debug`, and a test in `target/debug/deps`.
fn folder_of(program: &Path) -> PathBuf {
    let mut folder = program.to_path_buf();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_beside_a_program_and_above_a_test() {
        for program in ["target/debug/chaos", "target/debug/deps/restart-0123456789abcdef"] {
            assert_eq!(folder_of(Path::new(program)), Path::new("target/debug"));
        }
    }
}
