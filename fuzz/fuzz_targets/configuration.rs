//! The server's configuration, from a file, variables and flags: every text gives a configuration or an error that names
//! who set what; and what is set by a flag is not changed by the layers below it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchbell_fuzz::planted;

#[path = "../../server/src/config/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the server uses the rest")]
mod config;

use config::Layers;

/// What separates the file from the variables, and these from the flags.
const NEXT_LAYER: &str = "\n---\n";

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(3, NEXT_LAYER);
    let file = parts.next().unwrap_or_default().to_owned();
    let variables = pairs(parts.next().unwrap_or_default());
    let options = pairs(parts.next().unwrap_or_default());
    let layers = Layers {
        file: Some(("watchbell-server.toml".into(), file)),
        env: variables.map(|(name, value)| (format!("WATCHBELL_{name}"), value)).collect(),
        flags: options.map(|(option, value)| (format!("--{option}"), option, value)).collect(),
    };
    match layers.resolve() {
        Ok(config) => {
            planted(|| config.server.listen.port() > 1 && config.server.listen.port() < 80);
            assert_eq!(layers.resolve().as_ref(), Ok(&config), "the same layers give the same configuration");
            let flags = Layers { file: None, env: Vec::new(), flags: layers.flags };
            assert!(flags.resolve().is_ok(), "a flag does not need the layers below it");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// `name=value` lines.
fn pairs(lines: &str) -> impl Iterator<Item = (String, String)> {
    lines.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()))
}
