//! The layers: which of our packages may depend on which. Dependencies point downwards only.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};

/// Every package, with all of our packages that it may name. What is not here must not be.
const ALLOWED: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("analysis", &["watchbell-protocol"]),
    ("server", &["watchbell-protocol"]),
    ("client", &["watchbell-protocol"]),
    ("cli", &["watchbell-analysis", "watchbell-client", "watchbell-protocol"]),
    ("src-tauri", &["watchbell-client", "watchbell-protocol"]),
    (".", &["watchbell-app"]),
    ("tests", &["watchbell-client", "watchbell-protocol", "watchbell-server", "xtask"]),
    ("bench", &["watchbell-client", "watchbell-protocol", "watchbell-server"]),
    ("xtask", &[]),
];

/// Crates that only one place may use, and what the others would break by using them.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("tauri", &["src-tauri", "."], "only the shell knows Tauri"),
    ("notify-rust", &["src-tauri"], "only the shell shows popups"),
    ("tokio", &["analysis", "server", "client", "cli", "src-tauri", "tests", "bench"], "the wire does no I/O"),
    ("reqwest", &["client", "tests", "bench"], "`analysis` knows no network"),
    ("tokio-tungstenite", &["client", "tests", "bench"], "`analysis` knows no network"),
    ("axum", &["server"], "only the server serves"),
];

/// Complaints about dependencies. Those for tests (`dev-dependencies`) may point anywhere but upwards to the shell.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (folder, allowed) in ALLOWED {
        let file = root.join(folder).join("Cargo.toml");
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let manifest: toml::Table = text.parse().with_context(|| format!("in {}", file.display()))?;
        let named = dependencies(&manifest);
        complaints.extend(named.iter().filter_map(|name| complaint(folder, allowed, name)));
    }
    Ok(complaints)
}

fn complaint(folder: &str, allowed: &[&str], name: &str) -> Option<String> {
    let is_ours = name.starts_with("watchbell") || name == "xtask";
    if is_ours && !allowed.contains(&name) {
        return Some(format!("{folder}/Cargo.toml: must not depend on {name}: dependencies point downwards only"));
    }
    let (_, users, why) = RESERVED.iter().find(|(reserved, ..)| *reserved == name)?;
    (!users.contains(&folder)).then(|| format!("{folder}/Cargo.toml: must not depend on {name}: {why}"))
}

/// What a manifest names as dependencies, for every platform.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let names = |table: &toml::Table| {
        let dependencies = table.get("dependencies").and_then(toml::Value::as_table);
        dependencies.into_iter().flat_map(|table| table.keys().cloned()).collect::<Vec<_>>()
    };
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let of_targets = targets.into_iter().flat_map(|table| table.values()).filter_map(toml::Value::as_table);
    names(manifest).into_iter().chain(of_targets.flat_map(names)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_upwards_is_a_complaint() {
        assert!(complaint("protocol", &[], "watchbell-client").is_some());
        assert!(complaint("client", &["watchbell-protocol"], "watchbell-protocol").is_none());
        assert!(complaint("client", &["watchbell-protocol"], "tauri").is_some());
        assert!(complaint("analysis", &[], "reqwest").is_some());
        assert!(complaint("protocol", &[], "tokio").is_some());
    }

    #[test]
    fn dependencies_of_every_platform_count() {
        let manifest = "[dependencies]\na = \"1\"\n[target.'cfg(windows)'.dependencies]\nb = \"1\"";
        let manifest = manifest.parse().expect("is TOML");
        assert_eq!(dependencies(&manifest), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    }
}
