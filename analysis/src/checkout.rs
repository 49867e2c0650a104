//! Which branch and revision a folder is at, read from `.git` itself: no `git` needed, and nothing of the repository's
//! configuration runs. A folder that is no checkout is fine.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the checkout stands; both absent if the folder is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// Absent on a detached head.
    pub branch: Option<String>,
    /// Absent before the first commit.
    pub revision: Option<String>,
}

/// Reads the checkout that holds `folder`.
pub(crate) fn read(folder: &Path) -> Checkout {
    let Some(git) = folder.ancestors().find_map(git_folder) else {
        return Checkout::default();
    };
    let Ok(head) = fs::read_to_string(git.join("HEAD")) else {
        return Checkout::default();
    };
    match head.trim().strip_prefix("ref: ") {
        Some(reference) => Checkout {
            branch: reference.strip_prefix("refs/heads/").map(str::to_owned),
            revision: resolve(&git, reference),
        },
        None => Checkout { branch: None, revision: hash(&head) },
    }
}

/// The folder that `.git` is or points to (linked worktrees and submodules have a file there).
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let pointer = fs::read_to_string(&git).ok()?;
    Some(folder.join(pointer.trim().strip_prefix("gitdir: ")?))
}

fn resolve(git: &Path, reference: &str) -> Option<String> {
    // A linked worktree keeps its branches in the main checkout.
    let common = fs::read_to_string(git.join("commondir")).map_or_else(|_| git.to_path_buf(), |to| git.join(to.trim()));
    let loose = [git, &common].into_iter().find_map(|base| fs::read_to_string(base.join(reference)).ok());
    if let Some(text) = loose {
        return hash(&text);
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(reference)?.strip_suffix(' ').and_then(hash))
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

    fn checkout(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn on_main() -> Checkout {
        Checkout { branch: Some("main".into()), revision: Some(REVISION.into()) }
    }

    #[test]
    fn a_branch_is_read_loose_and_packed() {
        let loose = checkout(&[(".git/HEAD", "ref: refs/heads/main\n"), (".git/refs/heads/main", REVISION)]);
        assert_eq!(read(loose.path()), on_main());
        let line = format!("# pack-refs with: peeled\n{REVISION} refs/heads/main\n");
        let packed = checkout(&[(".git/HEAD", "ref: refs/heads/main\n"), (".git/packed-refs", &line)]);
        assert_eq!(read(packed.path()), on_main());
    }

    #[test]
    fn a_folder_inside_and_a_linked_worktree_know_their_branch() {
        let folder = checkout(&[
            ("main/.git/HEAD", "ref: refs/heads/other\n"),
            ("main/.git/refs/heads/main", REVISION),
            ("main/.git/worktrees/w/HEAD", "ref: refs/heads/main\n"),
            ("main/.git/worktrees/w/commondir", "../..\n"),
            ("w/.git", "gitdir: ../main/.git/worktrees/w\n"),
            ("w/src/lib.rs", ""),
        ]);
        assert_eq!(read(&folder.path().join("w/src")), on_main());
    }

    #[test]
    fn a_detached_head_has_no_branch_and_a_new_repository_no_revision() {
        let detached = checkout(&[(".git/HEAD", REVISION)]);
        assert_eq!(read(detached.path()), Checkout { branch: None, revision: Some(REVISION.into()) });
        let new = checkout(&[(".git/HEAD", "ref: refs/heads/main\n")]);
        assert_eq!(read(new.path()), Checkout { branch: Some("main".into()), revision: None });
    }

    #[test]
    fn nonsense_in_git_is_no_revision() {
        let folder = checkout(&[(".git/HEAD", "ref: refs/heads/main\n"), (".git/refs/heads/main", "not a hash")]);
        assert_eq!(read(folder.path()).revision, None);
    }
}
