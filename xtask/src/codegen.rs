//! Generated files: TypeScript from the Rust types into `ui/src/generated`; into `docs/` the wire reference for people,
//! and `OpenAPI` and `AsyncAPI` for programs.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::shell::{cargo, quietly, root, say};

const TYPES: &str = "ui/src/generated";
/// What an example of the protocol prints: the file, the example, and what it is asked for.
const PRINTED: [(&str, &str, Option<&str>); 3] = [
    ("docs/PROTOCOL.md", "reference", None),
    ("docs/openapi.json", "documents", Some("openapi")),
    ("docs/asyncapi.json", "documents", Some("asyncapi")),
];

/// The packages whose types the UI sees.
const PACKAGES: [&str; 3] = ["watchbell-protocol", "watchbell-client", "watchbell-app"];

/// Makes the files; with `check`, only says whether they are as they would be made.
pub fn run(check: bool) -> Result<()> {
    let fresh = generate(check)?;
    let stale = differences(&fresh)?;
    if stale.is_empty() {
        say("generated files are up to date");
        return Ok(());
    }
    if check {
        bail!("generated files are stale; run `cargo xtask codegen`:\n  {}", stale.join("\n  "));
    }
    for name in &stale {
        let path = root().join(name);
        if let Some(text) = fresh.get(name) {
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(&path, text)?;
            say(format_args!("wrote {name}"));
        } else {
            fs::remove_file(&path)?;
            say(format_args!("removed {name}"));
        }
    }
    Ok(())
}

/// Every generated file by its name, as it should be.
fn generate(check: bool) -> Result<BTreeMap<String, String>> {
    let folder = tempfile::tempdir()?;
    let mut export = cargo(&["test", "--quiet", "--lib"]);
    if check {
        // Beside other checks everything is built already, with the features of the whole workspace; a few packages by
        // themselves would need their dependencies with others.
        export.arg("--workspace");
    } else {
        export.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    }
    quietly(export.arg("export_bindings").env("TS_RS_EXPORT_DIR", folder.path()))?;
    let mut files = read(folder.path(), TYPES)?;
    for (file, example, argument) in PRINTED {
        let mut print = cargo(&["run", "--quiet", "-p", "watchbell-protocol", "--example", example, "--"]);
        files.insert(file.to_owned(), quietly(print.args(argument))?);
    }
    Ok(files)
}

/// The names of the files that are missing, other, or too many.
fn differences(fresh: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let mut there = read(&root().join(TYPES), TYPES)?;
    for (file, ..) in PRINTED {
        if let Ok(text) = fs::read_to_string(root().join(file)) {
            there.insert(file.to_owned(), text);
        }
    }
    let mut names: Vec<_> = fresh.keys().chain(there.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names.retain(|name| fresh.get(name) != there.get(name));
    Ok(names)
}

/// The TypeScript files of a folder, by the name they have in the repository.
fn read(folder: &Path, prefix: &str) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(files) };
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|extension| extension == "ts")) {
            files.insert(format!("{prefix}/{}", name.to_string_lossy()), fs::read_to_string(&path)?);
        }
    }
    Ok(files)
}
