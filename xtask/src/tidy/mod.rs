//! The rules of the house that a compiler does not know. Each is a function from the tree to complaints; last, generated
//! files must be as they would be made.

mod edges;
mod guarantees;
mod sources;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{
    codegen,
    shell::{command, quietly, root, say},
};

/// A file of the repository.
struct File {
    /// Its name, relative to the root, with `/`.
    name: String,
    text: String,
}

/// Checks every rule; fails with all complaints at once.
pub fn run() -> Result<()> {
    let files = files()?;
    let mut complaints = edges::check(&root())?;
    for rule in sources::RULES {
        complaints.extend(files.iter().flat_map(rule));
    }
    let text_of = |name: &str| files.iter().find(|file| file.name == name).map(|file| file.text.as_str());
    complaints.extend(guarantees::check(text_of(guarantees::PAGE).unwrap_or_default(), text_of));
    if !complaints.is_empty() {
        bail!("tidy has {} complaints:\n  {}", complaints.len(), complaints.join("\n  "));
    }
    say(format_args!("tidy: {} files, no complaint", files.len()));
    codegen::run(true)
}

/// Every source file that git tracks or would track.
fn files() -> Result<Vec<File>> {
    let names =
        quietly(&mut command("git", &["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"]))?;
    let is_source = |name: &&str| {
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("rs" | "ts" | "tsx" | "css" | "toml" | "md" | "sql" | "yml"))
    };
    let mut files = Vec::new();
    for name in names.lines().filter(is_source) {
        let path: PathBuf = root().join(name);
        // A file that was deleted but not yet committed as deleted.
        if let Ok(text) = fs::read_to_string(path) {
            files.push(File { name: name.to_owned(), text });
        }
    }
    Ok(files)
}
