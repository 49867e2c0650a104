//! htmlhint: HTML, where the repository is set up for it.

use super::{Call, Cost, Detector, Format, Tool, Work, needs_at_root, on_the_path};
use crate::process::Toolchain;

pub(super) const DETECTOR: Detector = Detector {
    name: "htmlhint",
    cost: Cost { base_ms: 500, file_us: 500 },
    work: Work::Tool(Tool {
        program: "htmlhint",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| needs_at_root(tree, &[".htmlhintrc"]),
        calls: |site| vec![Call::new(site.program, site.tree.root.clone(), &["-f", "sarif"])],
        format: Format::Sarif,
        toolchain: Toolchain::Node,
    }),
};
