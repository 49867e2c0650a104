//! hadolint: Dockerfiles. It finds none by itself, so it gets the list.

use super::{Call, Cost, Detector, Format, Site, Tool, Work, on_the_path};
use crate::{
    process::Toolchain,
    tree::{File, Tree},
};

pub(super) const DETECTOR: Detector = Detector {
    name: "hadolint",
    cost: Cost { base_ms: 300, file_us: 50 },
    work: Work::Tool(Tool {
        program: "hadolint",
        version: &["--version"],
        find: on_the_path,
        fits: |tree| if dockerfiles(tree).next().is_some() { Ok(()) } else { Err("no Dockerfile here".into()) },
        calls,
        format: Format::Sarif,
        toolchain: Toolchain::Nothing,
    }),
};

fn dockerfiles(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| {
        let name = file.name();
        matches!(name, "Dockerfile" | "Containerfile")
            || name.starts_with("Dockerfile.")
            || name.ends_with(".Dockerfile")
    })
}

fn calls(site: &Site<'_>) -> Vec<Call> {
    let mut call = Call::new(site.program, site.tree.root.clone(), &["-f", "sarif", "--"]);
    call.args.extend(dockerfiles(site.tree).map(|file| (&file.path).into()));
    vec![call]
}
