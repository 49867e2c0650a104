//! Detectors that need nothing installed: each looks at one file at a time and knows nothing of the run around it.

pub(crate) mod config_syntax;
pub(crate) mod conflict_markers;
mod entropy;
pub(crate) mod large_files;
pub(crate) mod secrets;
pub(crate) mod typos;

use std::{cell::OnceCell, fs, io::Read, path::Path};

use crate::{finding::Finding, tree::File};

/// Larger files are no source code; what they hold is not looked at.
const LARGEST_TEXT: u64 = 4 * 1024 * 1024;
/// How much of a file tells whether it is text.
const HEAD: usize = 8 * 1024;

/// A detector compiled in.
#[derive(Debug)]
pub(crate) struct Builtin {
    /// Whether it wants to see the file, judged by its name and size.
    pub wants: fn(&File) -> bool,
    /// Looks at the file.
    pub check: fn(&Candidate<'_>, &mut Vec<Finding>),
}

/// A file to look at; read when asked for.
pub(crate) struct Candidate<'a> {
    root: &'a Path,
    /// Its path and size.
    pub file: &'a File,
    text: OnceCell<Option<String>>,
}

impl<'a> Candidate<'a> {
    /// A file below `root`.
    pub fn new(root: &'a Path, file: &'a File) -> Self {
        Self { root, file, text: OnceCell::new() }
    }

    /// Its text; `None` if it is binary, too large, or cannot be read.
    pub fn text(&self) -> Option<&str> {
        self.text.get_or_init(|| self.read_text()).as_deref()
    }

    /// Its first bytes.
    pub fn head(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD);
        // A file that is gone or may not be read has no bytes: there is nothing to find in it.
        let _ = fs::File::open(self.root.join(&self.file.path))
            .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
        head
    }

    fn read_text(&self) -> Option<String> {
        let file = fs::File::open(self.root.join(&self.file.path)).ok()?;
        let mut bytes = Vec::new();
        file.take(LARGEST_TEXT + 1).read_to_end(&mut bytes).ok()?;
        let is_binary = bytes[..bytes.len().min(HEAD)].contains(&0);
        if is_binary || bytes.len() as u64 > LARGEST_TEXT {
            return None;
        }
        // Text of another encoding: what is ASCII in it can be looked at all the same.
        Some(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// The lines of a text with their numbers, from 1.
fn numbered(text: &str) -> impl Iterator<Item = (u32, &str)> {
    (1..).zip(text.lines())
}

/// The column (in characters, from 1) of a byte in a line.
fn column(line: &str, byte: usize) -> u32 {
    let before = line.get(..byte).map_or(0, |before| before.chars().count());
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
fn check_text(builtin: &Builtin, name: &str, text: &str) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    let file = File { path: name.to_owned(), bytes: text.len() as u64 };
    let mut findings = Vec::new();
    if (builtin.wants)(&file) {
        (builtin.check)(&Candidate::new(folder.path(), &file), &mut findings);
    }
    findings
}

#[cfg(test)]
fn builtin_of(detector: &crate::detector::Detector) -> &Builtin {
    match &detector.work {
        crate::detector::Work::Builtin(builtin) => builtin,
        crate::detector::Work::Tool(_) => panic!("{} is a tool", detector.name),
    }
}
