//! Rules about single source files.

use super::File;

type Rule = fn(&File) -> Option<String>;

/// Every rule.
pub const RULES: &[Rule] = &[module_doc, length, tauri_door, words, no_fixed_sleep, ends_with_newline];

/// The most lines of a source file. Tables of data and generated files may be longer.
const LINES: usize = 400;

/// Every Rust module begins with what it is.
fn module_doc(file: &File) -> Option<String> {
    let is_module = is_rust(file) && !file.name.contains("/fixtures/");
    let first = file.text.lines().find(|line| !line.starts_with("#!["))?;
    (is_module && !first.starts_with("//!")).then(|| format!("{}: does not begin with `//!`", file.name))
}

fn length(file: &File) -> Option<String> {
    let counts = is_rust(file) || has_extension(file, &["ts", "tsx", "css"]);
    let lines = file.text.lines().count();
    let is_free = file.name.contains("/generated/") || file.name.contains("/fixtures/");
    (counts && !is_free && lines > LINES).then(|| format!("{}: {lines} lines, at most {LINES}", file.name))
}

/// Only `platform` opens the door to Rust.
fn tauri_door(file: &File) -> Option<String> {
    let in_ui = file.name.starts_with("ui/src/") && !file.name.starts_with("ui/src/platform/");
    (in_ui && file.text.contains("@tauri-apps/"))
        .then(|| format!("{}: only ui/src/platform imports @tauri-apps", file.name))
}

/// Names that say nothing, and what was left for later.
fn words(file: &File) -> Option<String> {
    if !(is_rust(file) || has_extension(file, &["ts", "tsx"])) || file.name.starts_with("xtask/src/tidy/") {
        return None;
    }
    let empty = ["Manager", "Helper", "Util"];
    for (number, line) in file.text.lines().enumerate() {
        let declares = ["struct ", "enum ", "trait ", "class ", "interface "].iter().any(|word| line.contains(word));
        if declares && empty.iter().any(|word| line.contains(word)) {
            return Some(format!("{}:{}: a name that says nothing", file.name, number + 1));
        }
        if line.contains("todo!(") || line.contains("unimplemented!(") || line.contains("FIXME") {
            return Some(format!("{}:{}: left for later", file.name, number + 1));
        }
    }
    None
}

/// A test waits for a fact, never for a time.
fn no_fixed_sleep(file: &File) -> Option<String> {
    let is_test = is_rust(file) && file.name.contains("/tests/");
    let sleeps = |line: &str| line.contains("sleep(Duration::from_secs") || line.contains("thread::sleep(std::time");
    let line = file.text.lines().position(sleeps)?;
    is_test.then(|| format!("{}:{}: a test must not sleep a fixed time", file.name, line + 1))
}

fn ends_with_newline(file: &File) -> Option<String> {
    let is_free = file.name.contains("/fixtures/") || file.name.contains("/snapshots/");
    (!is_free && !file.text.is_empty() && !file.text.ends_with('\n'))
        .then(|| format!("{}: does not end with a line break", file.name))
}

fn is_rust(file: &File) -> bool {
    has_extension(file, &["rs"])
}

fn has_extension(file: &File, extensions: &[&str]) -> bool {
    file.name.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> File {
        File { name: name.into(), text: text.into() }
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        assert!(module_doc(&file("server/src/a.rs", "use x;\n")).is_some());
        assert!(module_doc(&file("server/src/a.rs", "//! A.\n")).is_none());
        assert!(length(&file("ui/src/a.tsx", &"x\n".repeat(401))).is_some());
        assert!(length(&file("ui/src/generated/a.ts", &"x\n".repeat(401))).is_none());
        assert!(tauri_door(&file("ui/src/hooks/a.ts", "import \"@tauri-apps/api\"\n")).is_some());
        assert!(tauri_door(&file("ui/src/platform/tauri.ts", "import \"@tauri-apps/api\"\n")).is_none());
        assert!(words(&file("server/src/a.rs", "struct RoomManager;\n")).is_some());
        assert!(no_fixed_sleep(&file("server/tests/a.rs", "sleep(Duration::from_secs(1))\n")).is_some());
        assert!(ends_with_newline(&file("README.md", "x")).is_some());
    }
}
