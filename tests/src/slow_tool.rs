//! A stand-in for `ruff` that takes as long as a test needs: it begins, starts a child as real tools do, and ends when
//! it is told to. What it prints is what ruff would print.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// The stand-in, a folder with something for it to look at, and the files by which it is told.
#[derive(Debug)]
pub struct SlowTool {
    folder: PathBuf,
}

impl SlowTool {
    /// Makes it below `folder`.
    pub fn new(folder: &Path) -> Self {
        let tool = Self { folder: folder.to_path_buf() };
        for part in ["bin", "code"] {
            fs::create_dir_all(folder.join(part)).expect("can be made");
        }
        fs::write(tool.code().join("deck.py"), "import os\n").expect("can be written");
        fs::write(folder.join("result.sarif"), SARIF).expect("can be written");
        let script = folder.join("bin/ruff");
        fs::write(&script, SCRIPT.replace("FOLDER", &folder.to_string_lossy())).expect("can be written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("can be made a program");
        tool
    }

    /// The folder to analyse.
    pub fn code(&self) -> PathBuf {
        self.folder.join("code")
    }

    /// `PATH` with the stand-in in front.
    pub fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let both = std::iter::once(self.folder.join("bin")).chain(std::env::split_paths(&path));
        std::env::join_paths(both).expect("came from PATH")
    }

    /// Whether it works now.
    pub fn is_at_work(&self) -> bool {
        !self.processes().is_empty()
    }

    /// The processes that it has started and that still live: itself and its child.
    pub fn processes(&self) -> Vec<u32> {
        let started = fs::read_to_string(self.folder.join("pids")).unwrap_or_default();
        started.lines().filter_map(|line| line.parse().ok()).filter(|&pid| is_alive(pid)).collect()
    }

    /// Lets it end with its result.
    pub fn finish(&self) {
        fs::write(self.folder.join("finish"), "").expect("can be written");
    }
}

fn is_alive(pid: u32) -> bool {
    // The state stands behind the name, which stands in parentheses.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
}

const SCRIPT: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo "ruff 0.17.0"; exit 0; }
sleep 600 &
printf '%s\n' "$$" "$!" > "FOLDER/pids"
while [ -d "FOLDER" ] && [ ! -e "FOLDER/finish" ]; do sleep 0.05; done
cat "FOLDER/result.sarif"
kill "$!"
exit 1
"#;

const SARIF: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"ruff","rules":[{"id":"F401"}]}},
"results":[{"ruleId":"F401","level":"error","message":{"text":"`os` imported but unused"},"locations":[
{"physicalLocation":{"artifactLocation":{"uri":"deck.py"},"region":{"startLine":1,"startColumn":8}}}]}]}]}"#;
