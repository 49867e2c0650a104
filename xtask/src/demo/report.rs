//! What the demo has seen, as figures.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::{
    cast::{NOTIFICATION_TO_POPUP, PROGRESS_TO_SCREEN},
    latency::{Spread, spread, values},
    popups::Popup,
};
use crate::shell::say;

/// `demo.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    analysis: Analysis,
    popups: Vec<Popup>,
    latency_ms: Latency,
    online: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Analysis {
    files: u64,
    detectors: Vec<Detector>,
    issues: u64,
}

#[derive(Debug, Serialize)]
struct Detector {
    name: String,
    state: String,
    issues: u64,
    ms: u64,
}

#[derive(Debug, Serialize)]
struct Latency {
    progress_to_screen: Spread,
    notification_to_popup: Spread,
}

impl Report {
    /// Puts the figures together; fails if a step was not reached.
    pub fn new(result: &Value, popups: Vec<Popup>, app_log: &str, online: Vec<String>) -> Result<Self> {
        let analysis = Analysis::read(result).context("the result of `watchbell analyze` has another form")?;
        ensure!(analysis.issues > 0, "the analysis found nothing, so there is nothing on the screen");
        let latency_ms = Latency {
            progress_to_screen: spread(values(app_log, PROGRESS_TO_SCREEN)).context("no progress was painted")?,
            notification_to_popup: spread(values(app_log, NOTIFICATION_TO_POPUP)).context("no popup was shown")?,
        };
        Ok(Self { analysis, popups, latency_ms, online })
    }

    /// Writes it.
    pub fn write(&self, file: &Path) -> Result<()> {
        std::fs::write(file, serde_json::to_string_pretty(self)? + "\n")?;
        say(format_args!("wrote {}", file.display()));
        Ok(())
    }

    /// Says it.
    pub fn say(&self) {
        let Latency { progress_to_screen, notification_to_popup } = &self.latency_ms;
        say(format_args!("{} issues in {} files", self.analysis.issues, self.analysis.files));
        for Detector { name, state, issues, ms } in &self.analysis.detectors {
            say(format_args!("  {name:<18} {state:<10} {issues:>6} issues {ms:>7} ms"));
        }
        say(format_args!("from the runner's report to the painted frame: {}", shown(*progress_to_screen)));
        say(format_args!("from the server's commit to the popup: {}", shown(*notification_to_popup)));
    }
}

fn shown(spread: Spread) -> String {
    format!("{:.0} ms half of the time, {:.0} ms at the 99th percentile", spread.p50, spread.p99)
}

impl Analysis {
    /// From the result of `watchbell analyze --format json`.
    fn read(result: &Value) -> Option<Self> {
        let total = |counts: &Value| counts.as_object().map(|counts| counts.values().filter_map(Value::as_u64).sum());
        let detectors = result["detectors"].as_array()?.iter().map(|detector| {
            Some(Detector {
                name: detector["name"].as_str()?.to_owned(),
                state: detector["state"].as_str()?.to_owned(),
                issues: total(&detector["counts"])?,
                ms: detector["ms"].as_u64()?,
            })
        });
        Some(Self {
            files: result["files"].as_u64()?,
            detectors: detectors.collect::<Option<_>>()?,
            issues: total(&result["counts"])?,
        })
    }
}
