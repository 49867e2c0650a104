//! What a detector prints: any bytes are read or refused; every issue keeps within the wire's limits and the analysed
//! folder; and the same issues come back when they are written as SARIF and read again.

#![no_main]

use std::{path::Path, sync::LazyLock};

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use watchbell_analysis::sarif;
use watchbell_fuzz::{mutate_json, planted};
use watchbell_protocol::event::Issue;

/// A folder that does not exist: nothing that a path names is looked at.
const FOLDER: &str = "/nowhere/at/all";
static ROOT: LazyLock<&Path> = LazyLock::new(|| Path::new(FOLDER));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate_json(data, size, max_size, seed) });

fuzz_target!(|bytes: &[u8]| {
    let Ok(issues) = sarif::issues(bytes, *ROOT) else { return };
    planted(|| issues.iter().any(|issue| issue.line > 100_000));
    for issue in &issues {
        let path = Path::new(&*issue.path);
        assert!(!path.is_absolute() && !issue.path.split('/').any(|part| part == ".."), "{issue:?}");
        let text = serde_json::to_string(issue).expect("an issue is plain JSON");
        assert_eq!(serde_json::from_str::<Issue>(&text).ok().as_ref(), Some(issue), "{text}");
    }
});
