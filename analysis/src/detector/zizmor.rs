//! zizmor: security of GitHub workflows and actions.

use super::{Call, Cost, Detector, Format, Tool, Work, on_the_path};
use crate::{process::Toolchain, tree::Tree};

pub(super) const DETECTOR: Detector = Detector {
    name: "zizmor",
    cost: Cost { base_ms: 200, file_us: 50 },
    work: Work::Tool(Tool {
        program: "zizmor",
        version: &["--version"],
        find: on_the_path,
        fits,
        calls: |site| vec![Call::new(site.program, site.tree.root.clone(), &["--offline", "--format", "sarif", "."])],
        format: Format::Sarif,
        toolchain: Toolchain::Nothing,
    }),
};

fn fits(tree: &Tree) -> Result<(), String> {
    let is_workflow = |path: &str| path.starts_with(".github/workflows/") && path.ends_with("ml");
    if tree.files.iter().any(|file| is_workflow(&file.path)) { Ok(()) } else { Err("no GitHub workflows here".into()) }
}
