//! `cargo xtask deny`: what we build on, against `deny.toml`: licences, sources, what is there twice, and known
//! vulnerabilities.
//!
//! Not a part of `cargo xtask test`: the tool takes minutes to build, and the list of vulnerabilities needs the network
//! and changes by the day, so that a check could fail that passed before with the same code.

use anyhow::{Result, bail};

use crate::shell::{cargo, quietly, run as run_command, say};

/// The line of the tool's releases that `deny.toml` is written for.
const VERSION: &str = "^0.20";

/// Runs it. Where the database of vulnerabilities cannot be reached, that is said, and the rest decides; with
/// `advisories_needed` it fails.
pub fn run(advisories_needed: bool) -> Result<()> {
    if quietly(&mut cargo(&["deny", "--version"])).is_err() {
        say("installing cargo-deny (once, a few minutes)");
        run_command(&mut cargo(&["install", "cargo-deny", "--locked", "--version", VERSION]))?;
    }
    run_command(&mut cargo(&["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
    match quietly(&mut cargo(&["deny", "fetch", "db"])) {
        Ok(_) => run_command(&mut cargo(&["deny", "check", "--disable-fetch", "advisories"])),
        Err(error) if advisories_needed => Err(error),
        Err(error) if error.to_string().contains("advisory database") => {
            say("the database of vulnerabilities cannot be reached: NOT checked for known vulnerabilities");
            Ok(())
        }
        Err(error) => bail!("{error}"),
    }
}
