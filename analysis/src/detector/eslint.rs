//! eslint: JavaScript and what its plugins know. Runs where the repository set it up (a configuration in the root, else
//! in each topmost folder that has one), with that folder's own eslint if it is installed there. Its JSON is read, so
//! that no formatter has to be installed.

use std::{
    io::{BufReader, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::{Call, Cost, Detector, Format, Installed, ReadError, Site, Tool, Work};
use crate::{
    finding::{Finding, Mark},
    location::Spot,
    process::{SearchPath, Toolchain},
    severity::Level,
    tree::Tree,
};

pub(super) const DETECTOR: Detector = Detector {
    name: "eslint",
    cost: Cost { base_ms: 2_000, file_us: 4_000 },
    work: Work::Tool(Tool {
        program: "eslint",
        version: &["--version"],
        find,
        fits: |tree| {
            if tree.topmost_folders_with(&CONFIGURATIONS).is_empty() {
                Err("no eslint configuration here".into())
            } else {
                Ok(())
            }
        },
        calls,
        format: Format::Eslint,
        toolchain: Toolchain::Node,
    }),
};

const CONFIGURATIONS: [&str; 12] = [
    "eslint.config.js",
    "eslint.config.mjs",
    "eslint.config.cjs",
    "eslint.config.ts",
    "eslint.config.mts",
    "eslint.config.cts",
    ".eslintrc",
    ".eslintrc.js",
    ".eslintrc.cjs",
    ".eslintrc.json",
    ".eslintrc.yml",
    ".eslintrc.yaml",
];

/// What an installed package says of itself.
#[derive(Deserialize)]
struct Package {
    version: String,
}

/// The first eslint that a folder has of its own; its package tells the version: asking it would run the folder's code.
fn find(tree: &Tree, _: &SearchPath) -> Option<Installed> {
    let program = tree.topmost_folders_with(&CONFIGURATIONS).into_iter().find_map(|folder| own(&tree.root, folder))?;
    let package = program.parent()?.parent()?.join("eslint/package.json");
    let package: Package = serde_json::from_reader(std::fs::File::open(package).ok()?).ok()?;
    Some(Installed { program, version: Some(package.version) })
}

/// The eslint installed in the folder or, as node looks for packages, in one above it (within the root).
fn own(root: &Path, folder: &str) -> Option<PathBuf> {
    let program = if cfg!(windows) { "eslint.cmd" } else { "eslint" };
    let folder = root.join(folder);
    let within = folder.ancestors().take_while(|above| above.starts_with(root));
    within.map(|above| above.join("node_modules/.bin").join(program)).find(|program| program.is_file())
}

fn calls(site: &Site<'_>) -> Vec<Call> {
    let root = &site.tree.root;
    let call = |folder: &str| {
        let program = own(root, folder).unwrap_or_else(|| site.program.to_path_buf());
        // A configuration whose files are all ignored is no failure.
        Call::new(&program, root.join(folder), &["--format", "json", "--no-error-on-unmatched-pattern", "."])
    };
    site.tree.topmost_folders_with(&CONFIGURATIONS).into_iter().map(call).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileResult {
    file_path: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    rule_id: Option<String>,
    severity: u8,
    #[serde(default)]
    fatal: bool,
    #[serde(rename = "message")]
    text: String,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
}

pub(super) fn read(input: impl Read, found: &mut dyn FnMut(Finding) -> ControlFlow<()>) -> Result<(), ReadError> {
    /// Takes file by file: the output repeats each file's whole source.
    struct Files<'a>(&'a mut dyn FnMut(Finding) -> ControlFlow<()>);

    impl<'de> Visitor<'de> for Files<'_> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of files")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut files: A) -> Result<(), A::Error> {
            let mut listening = ControlFlow::Continue(());
            while let Some(file) = files.next_element::<FileResult>()? {
                if listening.is_continue() {
                    let path = file.file_path;
                    listening =
                        file.messages.into_iter().map(|message| finding(&path, message)).try_for_each(&mut *self.0);
                }
            }
            Ok(())
        }
    }

    let mut input = serde_json::Deserializer::from_reader(BufReader::new(input));
    input.deserialize_seq(Files(found))?;
    input.end()?;
    Ok(())
}

fn finding(path: &str, message: Message) -> Finding {
    // Without a rule: a file that does not parse, or a word of eslint itself about the file.
    let no_rule = if message.fatal { "parse-error" } else { "eslint" };
    Finding {
        help: message.rule_id.as_deref().and_then(help),
        rule: message.rule_id.unwrap_or_else(|| no_rule.to_owned()),
        level: if message.severity >= 2 { Level::Error } else { Level::Warning },
        score: None,
        message: message.text,
        spot: Spot::Path(path.to_owned()),
        line: message.line.unwrap_or(0),
        column: message.column,
        end_line: message.end_line,
        mark: Mark::Context,
    }
}

/// The page of a rule of eslint's own; where a plugin's pages are, only the plugin knows.
fn help(rule: &str) -> Option<String> {
    (!rule.contains('/')).then(|| format!("https://eslint.org/docs/latest/rules/{rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_findings_with_or_without_a_rule() {
        let text = r#"[{"filePath":"/srv/a.js","source":"…","messages":[
            {"ruleId":"no-eval","severity":1,"message":"m","line":2,"column":28,"endLine":2,"endColumn":32},
            {"ruleId":null,"fatal":true,"severity":2,"message":"Parsing error","line":1,"column":3},
            {"ruleId":null,"severity":1,"message":"File ignored"}]},{"filePath":"/srv/b.js","messages":[]}]"#;
        let mut findings = Vec::new();
        read(text.as_bytes(), &mut |finding| {
            findings.push(finding);
            ControlFlow::Continue(())
        })
        .unwrap();
        let rules: Vec<(&str, u32)> = findings.iter().map(|finding| (finding.rule.as_str(), finding.line)).collect();
        assert_eq!(rules, [("no-eval", 2), ("parse-error", 1), ("eslint", 0)]);
        assert_eq!(findings[0].help.as_deref(), Some("https://eslint.org/docs/latest/rules/no-eval"));
    }

    #[test]
    fn half_an_output_is_an_error() {
        assert!(read(r#"[{"filePath":"a","messages":[]}"#.as_bytes(), &mut |_| ControlFlow::Continue(())).is_err());
        assert!(read("Oops! Something went wrong!".as_bytes(), &mut |_| ControlFlow::Continue(())).is_err());
    }
}
