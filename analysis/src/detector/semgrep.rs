//! semgrep: patterns, where the repository brings its own rules (the registry's need a network).

use super::{Call, Cost, Detector, Format, Tool, Work, needs_at_root, on_the_path};
use crate::process::Toolchain;

pub(super) const DETECTOR: Detector = Detector {
    name: "semgrep",
    cost: Cost { base_ms: 3_000, file_us: 3_000 },
    work: Work::Tool(Tool {
        program: "semgrep",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| needs_at_root(tree, &[".semgrep.yml"]),
        calls: |site| {
            vec![Call::new(
                site.program,
                site.tree.root.clone(),
                &[
                    "scan",
                    "--config",
                    ".semgrep.yml",
                    "--sarif",
                    "--metrics",
                    "off",
                    "--disable-version-check",
                    "--quiet",
                ],
            )]
        },
        format: Format::Sarif,
        toolchain: Toolchain::Python,
    }),
};
