//! bandit: security of Python code. Needs its SARIF formatter (`bandit[sarif]`); without it the run says so.

use super::{Call, Cost, Detector, Format, Tool, Work, needs_extension, on_the_path};
use crate::process::Toolchain;

pub(super) const DETECTOR: Detector = Detector {
    name: "bandit",
    cost: Cost { base_ms: 600, file_us: 2_000 },
    work: Work::Tool(Tool {
        program: "bandit",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| needs_extension(tree, &["py"], "Python files"),
        calls: |site| vec![Call::new(site.program, site.tree.root.clone(), &["-r", ".", "-f", "sarif", "-q"])],
        format: Format::Sarif,
        toolchain: Toolchain::Python,
    }),
};
