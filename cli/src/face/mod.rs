//! What people see in a terminal: words, marks, colours, and progress on standard error.
//!
//! The wording and the shapes are those of the desktop app. Deliberately absent: the result itself, which is
//! [`crate::format`]'s and goes to standard output.

pub mod bars;
pub mod lines;
pub mod marks;
pub mod words;

use std::io::Write;

use watchbell_protocol::event::{AnalysisProgress, DetectorRun};

use self::{bars::Bars, lines::Lines};

/// How a running analysis is shown.
pub enum Face {
    /// On a terminal: a bar per detector, redrawn in place.
    Bars(Bars),
    /// Elsewhere, as in a CI log: a plain line per event.
    Lines(Lines),
    /// `--quiet`.
    Quiet,
}

impl Face {
    /// The face that fits standard error.
    pub fn fitting(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if console::user_attended_stderr() {
            Self::Bars(Bars::default())
        } else {
            Self::Lines(Lines::default())
        }
    }

    /// The analysis begins: a line that says what, and the detectors in their order.
    pub fn begin(&mut self, headline: &str, detectors: &[DetectorRun]) {
        match self {
            Self::Bars(bars) => bars.begin(headline, detectors),
            Self::Lines(_) => say(headline),
            Self::Quiet => {}
        }
    }

    /// How far it is now.
    pub fn progress(&mut self, progress: &AnalysisProgress) {
        match self {
            Self::Bars(bars) => bars.progress(progress),
            Self::Lines(lines) => lines.progress(progress).iter().for_each(|line| say(line)),
            Self::Quiet => {}
        }
    }

    /// Something worth a line: the connection was lost, the analysis is being cancelled.
    pub fn note(&self, line: &str) {
        match self {
            Self::Bars(bars) => bars.note(line),
            Self::Lines(_) => say(line),
            Self::Quiet => {}
        }
    }

    /// Takes the bars away, so that what comes next stands on a clean terminal.
    pub fn end(&mut self) {
        if let Self::Bars(bars) = self {
            bars.end();
        }
    }
}

/// A line on standard error. A standard error that is closed is nobody's loss.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Text on standard output. `Ok(false)` if nobody reads it any more, as after `| head`.
pub fn print(text: impl AsRef<[u8]>) -> std::io::Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}
