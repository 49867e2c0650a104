//! biome: JavaScript, CSS and JSON, where the repository is set up for it.

use super::{Call, Cost, Detector, Format, Tool, Work, needs_at_root, on_the_path};
use crate::process::Toolchain;

pub(super) const DETECTOR: Detector = Detector {
    name: "biome",
    cost: Cost { base_ms: 200, file_us: 200 },
    work: Work::Tool(Tool {
        program: "biome",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| needs_at_root(tree, &["biome.json", "biome.jsonc"]),
        calls: |site| {
            vec![Call::new(
                site.program,
                site.tree.root.clone(),
                &["lint", "--reporter=sarif", "--max-diagnostics=none"],
            )]
        },
        format: Format::Sarif,
        toolchain: Toolchain::Node,
    }),
};
