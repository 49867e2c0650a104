//! The files of a folder, as every detector sees them. `.gitignore` and its like are respected, `.git` is never
//! entered, symbolic links are not followed (they lead out of the folder, or to a file that is listed anyway).

use std::{io, path::PathBuf};

use ignore::WalkBuilder;

/// A folder's files.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Absolute, without symbolic links.
    pub root: PathBuf,
    /// Sorted by path.
    pub files: Vec<File>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

impl File {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The folder it lies in, relative to the root; empty for the root itself.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The part of the name after its last dot, if any.
    pub fn extension(&self) -> Option<&str> {
        self.name().rsplit_once('.').map(|(_, extension)| extension)
    }
}

impl Tree {
    /// Whether any file has one of these extensions.
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        self.files.iter().any(|file| file.extension().is_some_and(|extension| extensions.contains(&extension)))
    }

    /// Whether the root itself holds a file of this name.
    pub fn has_at_root(&self, name: &str) -> bool {
        self.files.binary_search_by(|file| file.path.as_str().cmp(name)).is_ok()
    }

    /// Folders that hold a file of one of these names and lie below no other such folder; the root is `""`. So a
    /// project inside a project belongs to the outer one.
    pub fn topmost_folders_with(&self, names: &[&str]) -> Vec<&str> {
        let mut folders: Vec<&str> =
            self.files.iter().filter(|file| names.contains(&file.name())).map(File::folder).collect();
        folders.sort_unstable();
        folders.dedup();
        let mut topmost: Vec<&str> = Vec::new();
        for folder in folders {
            if !topmost.iter().any(|outer| is_below(folder, outer)) {
                topmost.push(folder);
            }
        }
        topmost
    }
}

/// Whether `folder` lies below `outer` (both relative, `""` is the root).
fn is_below(folder: &str, outer: &str) -> bool {
    outer.is_empty() || folder.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

/// Walks the folder. Files that cannot be listed, and names that are not UTF-8, are left out.
pub(crate) fn walk(root: &std::path::Path) -> io::Result<Tree> {
    let root = dunce(root.canonicalize()?);
    if !root.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    std::fs::read_dir(&root)?;
    let walk = WalkBuilder::new(&root)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut files: Vec<File> = walk.filter_map(Result::ok).filter_map(|entry| file(&root, &entry)).collect();
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(Tree { root, files })
}

fn file(root: &std::path::Path, entry: &ignore::DirEntry) -> Option<File> {
    if !entry.file_type()?.is_file() {
        return None;
    }
    let bytes = entry.metadata().ok()?.len();
    let path = entry.path().strip_prefix(root).ok()?.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
    Some(File { path, bytes })
}

/// On Windows `canonicalize` answers `\\?\C:\…`, which many tools do not understand.
fn dunce(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) {
        Some(plain) if !plain.starts_with("UNC") => PathBuf::from(plain),
        _ => path,
    }
}
