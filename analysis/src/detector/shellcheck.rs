//! shellcheck: shell scripts, by extension or by their first line. It finds no files by itself, so it gets the list.

use std::{
    fs,
    io::{BufReader, Read},
    ops::ControlFlow,
    path::Path,
};

use serde::Deserialize;

use super::{Call, Cost, Detector, Format, ReadError, Site, Tool, Work, on_the_path};
use crate::{
    finding::{Finding, Mark},
    location::Spot,
    process::Toolchain,
    severity::Level,
    tree::{File, Tree},
};

pub(super) const DETECTOR: Detector = Detector {
    name: "shellcheck",
    cost: Cost { base_ms: 300, file_us: 1_000 },
    work: Work::Tool(Tool {
        program: "shellcheck",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| if scripts(tree).next().is_some() { Ok(()) } else { Err("no shell scripts here".into()) },
        calls,
        format: Format::ShellCheck,
        toolchain: Toolchain::Nothing,
    }),
};

/// Scripts per call: far from any limit on arguments, and each call ended is a step of progress.
const SCRIPTS_PER_CALL: usize = 40;
const EXTENSIONS: [&str; 5] = ["sh", "bash", "ksh", "dash", "bats"];
const SHELLS: [&str; 5] = ["sh", "bash", "ksh", "dash", "bats"];

fn calls(site: &Site<'_>) -> Vec<Call> {
    let scripts: Vec<&File> = scripts(site.tree).collect();
    let call = |scripts: &[&File]| {
        // `json1` counts a tab as one column, as editors do.
        let mut call = Call::new(site.program, site.tree.root.clone(), &["--format=json1", "--"]);
        call.args.extend(scripts.iter().map(|script| (&script.path).into()));
        call
    };
    scripts.chunks(SCRIPTS_PER_CALL).map(call).collect()
}

fn scripts(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| is_script(&tree.root, file))
}

fn is_script(root: &Path, file: &File) -> bool {
    match file.extension() {
        Some(extension) if EXTENSIONS.contains(&extension) => true,
        // A script without extension, or a git hook and the like: only its first line tells.
        None => names_a_shell(&first_bytes(&root.join(&file.path))),
        Some(_) => false,
    }
}

fn first_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A file that cannot be read is no script.
    let _ = fs::File::open(path).and_then(|file| file.take(128).read_to_end(&mut bytes));
    bytes
}

/// Whether the first line is `#!/bin/sh`, `#!/usr/bin/env -S bash -e`, and so on.
fn names_a_shell(bytes: &[u8]) -> bool {
    let Some(line) = bytes.strip_prefix(b"#!").and_then(|rest| rest.split(|&byte| byte == b'\n').next()) else {
        return false;
    };
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = match words.next() {
        Some("env" | "busybox") => words.find(|word| !word.starts_with('-') && !word.contains('=')),
        program => program,
    };
    program.is_some_and(|program| SHELLS.contains(&program))
}

#[derive(Deserialize)]
struct Output {
    comments: Vec<Comment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    file: String,
    line: u32,
    end_line: u32,
    column: u32,
    level: String,
    code: u32,
    message: String,
}

pub(super) fn read(input: impl Read, found: &mut dyn FnMut(Finding) -> ControlFlow<()>) -> Result<(), ReadError> {
    let output: Output = serde_json::from_reader(BufReader::new(input))?;
    // `try_for_each` only stops early when nobody listens any more.
    let _ = output.comments.into_iter().map(finding).try_for_each(found);
    Ok(())
}

fn finding(comment: Comment) -> Finding {
    Finding {
        rule: format!("SC{:04}", comment.code),
        level: match comment.level.as_str() {
            "error" => Level::Error,
            "warning" => Level::Warning,
            "info" => Level::Note,
            _ => Level::None, // "style"
        },
        score: None,
        message: comment.message,
        spot: Spot::Path(comment.file),
        line: comment.line,
        column: Some(comment.column),
        end_line: Some(comment.end_line),
        help: Some(format!("https://www.shellcheck.net/wiki/SC{:04}", comment.code)),
        mark: Mark::Context,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_known_by_its_first_line() {
        for line in ["#!/bin/sh", "#! /bin/bash -e\n", "#!/usr/bin/env bash\n", "#!/usr/bin/env -S A=1 dash -e"] {
            assert!(names_a_shell(line.as_bytes()), "{line}");
        }
        for line in ["", "#!", "#!/usr/bin/python3", "#!/usr/bin/env node", "# /bin/sh", "#!/bin/zsh"] {
            assert!(!names_a_shell(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_comment_becomes_a_finding() {
        let text = r#"{"comments":[{"file":"a.sh","line":2,"endLine":2,"column":8,"endColumn":10,"level":"info",
            "code":2086,"message":"Double quote","fix":null}]}"#;
        let mut findings = Vec::new();
        read(text.as_bytes(), &mut |finding| {
            findings.push(finding);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(findings[0].rule, "SC2086");
        assert_eq!(findings[0].level, Level::Note);
    }
}
