//! What the notification daemon received, as a witness on the bus saw it.

use std::{path::PathBuf, process::Command};

use anyhow::Result;
use serde::Serialize;

use crate::processes::Process;

/// A popup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Popup {
    /// Its first line.
    pub summary: String,
    /// The rest.
    pub body: String,
    /// `low`, `normal` or `critical`.
    pub urgency: &'static str,
}

/// Watches the bus until it is dropped.
#[derive(Debug)]
pub struct Witness {
    _monitor: Process,
    log: PathBuf,
}

impl Witness {
    /// Starts watching; `monitor` is `dbus-monitor` inside the session.
    pub fn start(monitor: &mut Command, log: PathBuf) -> Result<Self> {
        monitor.args(["--session", "interface='org.freedesktop.Notifications',member='Notify'"]);
        Ok(Self { _monitor: Process::start("dbus-monitor", monitor, &log)?, log })
    }

    /// Every popup so far.
    pub fn popups(&self) -> Result<Vec<Popup>> {
        Ok(parse(&std::fs::read_to_string(&self.log)?))
    }
}

/// Reads the calls of `Notify` out of what `dbus-monitor` printed. The arguments are: application, replaced id, icon,
/// summary, body, actions, hints, time-out; those of the top level are indented by three blanks.
fn parse(text: &str) -> Vec<Popup> {
    let calls = text.split("method call ").skip(1).filter(|call| call.contains("member=Notify"));
    calls.filter_map(popup).collect()
}

fn popup(call: &str) -> Option<Popup> {
    let mut strings = top_level_strings(call).skip(2);
    let (summary, body) = (strings.next()?, strings.next()?);
    let urgency = call.split("\"urgency\"").nth(1).and_then(|rest| {
        let byte = rest.split("byte ").nth(1)?;
        byte.split_whitespace().next()?.parse::<u8>().ok()
    });
    // A call that is still being written has no hints yet.
    call.contains("\n   int32 ").then_some(Popup {
        summary,
        body,
        urgency: match urgency {
            Some(0) => "low",
            Some(2) => "critical",
            _ => "normal",
        },
    })
}

/// The strings among the arguments, also those of several lines.
fn top_level_strings(call: &str) -> impl Iterator<Item = String> + '_ {
    call.split("\n   string \"").skip(1).map(|rest| {
        let next = ["\n   string ", "\n   uint32 ", "\n   array ", "\n   int32 "];
        let end = next.iter().filter_map(|start| rest.find(start)).min().unwrap_or(rest.len());
        rest[..end].trim_end().trim_end_matches('"').to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: &str = r#"signal time=1.0 sender=org.freedesktop.DBus -> destination=:1.9 serial=2 member=NameAcquired
   string ":1.9"
method call time=1763.5 sender=:1.5 -> destination=:1.3 serial=7 path=/org/freedesktop/Notifications; interface=org.freedesktop.Notifications; member=Notify
   string "Watchbell"
   uint32 0
   string "watchbell"
   string "Analysis 1 of compiler finished"
   string "2 critical, 4 high,
61 others"
   array [
      string "default"
      string "Open"
   ]
   array [
      dict entry(
         string "urgency"
         variant             byte 2
      )
   ]
   int32 -1
"#;

    #[test]
    fn a_call_is_read_with_its_urgency() {
        let expected = Popup {
            summary: "Analysis 1 of compiler finished".into(),
            body: "2 critical, 4 high,\n61 others".into(),
            urgency: "critical",
        };
        assert_eq!(parse(SEEN), [expected]);
        assert_eq!(parse(&SEEN[..SEEN.len() - 20]), [], "a call that is still being written does not count");
    }
}
