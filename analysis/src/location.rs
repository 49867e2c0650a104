//! Where a finding lies: the four shapes in which tools name a file become one path relative to the analysed folder.
//! What leads out of the folder is nobody's business and resolves to nothing.

use std::path::{Component, Path, PathBuf};

use url::Url;

/// A file as a detector names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// Already relative to the folder, with `/`.
    Inside(String),
    /// A path of this system, absolute or relative to where the tool ran.
    Path(String),
    /// A SARIF address: `file:///…`, an absolute path, or relative to where the tool ran.
    Uri(String),
    /// The folder as a whole.
    Nowhere,
}

/// Resolves spots for one folder.
pub(crate) struct Locator {
    root: PathBuf,
    base: PathBuf,
}

impl Locator {
    /// For the folder `root`, absolute and without symbolic links.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), base: root.to_path_buf() }
    }

    /// Relative paths count from `base` from now on.
    pub fn set_base(&mut self, base: &Path) {
        self.base = base.to_path_buf();
    }

    /// The path relative to the folder, with `/`; `None` if it leads out of the folder.
    pub fn resolve(&self, spot: &Spot) -> Option<String> {
        match spot {
            Spot::Inside(path) => Some(path.clone()),
            Spot::Nowhere => Some(".".to_owned()),
            Spot::Path(path) => self.relative(Path::new(path)),
            Spot::Uri(uri) => self.uri(uri),
        }
    }

    fn uri(&self, uri: &str) -> Option<String> {
        if uri.starts_with("file:") {
            return self.relative(&Url::parse(uri).ok()?.to_file_path().ok()?);
        }
        // Some tools encode what they write here, some do not: the file that exists decides.
        let decoded = percent_decoded(uri);
        if decoded != uri && self.base.join(uri).exists() {
            return self.relative(Path::new(uri));
        }
        self.relative(Path::new(&decoded))
    }

    fn relative(&self, path: &Path) -> Option<String> {
        let absolute = without_dots(&self.base.join(path))?;
        // A tool may have followed a symbolic link to the folder itself, or the file may be a link that leads out.
        let real = absolute.canonicalize().ok();
        if real.as_ref().is_some_and(|real| !real.starts_with(&self.root)) {
            return None;
        }
        let inside = absolute
            .strip_prefix(&self.root)
            .ok()
            .map(Path::to_path_buf)
            .or_else(|| real?.strip_prefix(&self.root).ok().map(Path::to_path_buf))?;
        let parts: Option<Vec<&str>> = inside.components().map(|part| part.as_os_str().to_str()).collect();
        let path = parts?.join("/");
        Some(if path.is_empty() { ".".to_owned() } else { path })
    }
}

/// Takes `.` and `..` out without asking the file system; `None` if `..` goes above the top.
fn without_dots(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            _ => plain.push(part),
        }
    }
    Some(plain)
}

/// Decodes `%41`; what is no such triple, or would not be UTF-8, stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let decoded = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_four_shapes_become_one() {
        let locator = Locator::new(Path::new("/srv/sample"));
        for uri in ["file:///srv/sample/src/a.py", "/srv/sample/src/a.py", "src/a.py", "./src/a.py", "src/b/../a.py"] {
            assert_eq!(locator.resolve(&Spot::Uri(uri.into())).as_deref(), Some("src/a.py"), "{uri}");
        }
    }

    #[test]
    fn what_leads_out_resolves_to_nothing() {
        let locator = Locator::new(Path::new("/srv/sample"));
        for uri in ["../a.py", "/etc/passwd", "file:///etc/passwd", "src/../../x", "/srv/sample2/a.py", "https://a/b"] {
            let path = locator.resolve(&Spot::Uri(uri.into()));
            assert!(path.is_none() || uri.starts_with("https"), "{uri}: {path:?}");
        }
    }

    #[test]
    fn a_link_that_leads_out_resolves_to_nothing() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("link")).unwrap();
        let locator = Locator::new(&folder.path().canonicalize().unwrap());
        assert_eq!(locator.resolve(&Spot::Path("link".into())), None);
    }

    #[test]
    fn the_way_through_a_link_to_the_folder_is_inside() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real");
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("a.py"), "").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let path = link.join("a.py").to_str().unwrap().to_owned();
        assert_eq!(Locator::new(&real).resolve(&Spot::Path(path)).as_deref(), Some("a.py"));
    }

    #[test]
    fn encoded_names_are_decoded_unless_the_raw_one_exists() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::write(root.join("100%25.py"), "").unwrap();
        let locator = Locator::new(&root);
        assert_eq!(locator.resolve(&Spot::Uri("a%20b.py".into())).as_deref(), Some("a b.py"));
        assert_eq!(locator.resolve(&Spot::Uri("100%25.py".into())).as_deref(), Some("100%25.py"));
        assert_eq!(locator.resolve(&Spot::Uri("50%.py".into())).as_deref(), Some("50%.py"));
    }

    #[test]
    fn relative_paths_count_from_the_base() {
        let mut locator = Locator::new(Path::new("/srv/sample"));
        locator.set_base(Path::new("/srv/sample/rs"));
        assert_eq!(locator.resolve(&Spot::Path("src/main.rs".into())).as_deref(), Some("rs/src/main.rs"));
        assert_eq!(locator.resolve(&Spot::Path("../a.py".into())).as_deref(), Some("a.py"));
    }
}
