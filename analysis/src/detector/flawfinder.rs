//! flawfinder: risky calls in C and C++.

use super::{Call, Cost, Detector, Format, Tool, Work, needs_extension, on_the_path};
use crate::process::Toolchain;

pub(super) const DETECTOR: Detector = Detector {
    name: "flawfinder",
    cost: Cost { base_ms: 200, file_us: 500 },
    work: Work::Tool(Tool {
        program: "flawfinder",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| needs_extension(tree, &["c", "h", "cc", "cpp", "cxx", "hpp"], "C or C++ files"),
        calls: |site| vec![Call::new(site.program, site.tree.root.clone(), &["--sarif", "."])],
        format: Format::Sarif,
        toolchain: Toolchain::Python,
    }),
};
