//! ruff: Python. It finds its configuration and files by itself, so the folder's own set-up decides. What the user set
//! up for themself alone (in their home) does not: a run is the same for everybody.

use super::{Call, Cost, Detector, Format, Site, Tool, Work, needs_extension, on_the_path};
use crate::process::Toolchain;

pub(super) const DETECTOR: Detector = Detector {
    name: "ruff",
    cost: Cost { base_ms: 100, file_us: 300 },
    work: Work::Tool(Tool {
        program: "ruff",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| needs_extension(tree, &["py", "pyi", "ipynb"], "Python files"),
        calls,
        format: Format::Sarif,
        toolchain: Toolchain::Python,
    }),
};

fn calls(site: &Site<'_>) -> Vec<Call> {
    let mut call = Call::new(site.program, site.tree.root.clone(), &["check", "--output-format", "sarif"]);
    // Its cache would otherwise be a folder in the checkout.
    call.env.push(("RUFF_CACHE_DIR", site.cache.into()));
    vec![call]
}
