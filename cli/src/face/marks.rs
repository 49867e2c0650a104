//! Shapes and colours of severities and states. The shape comes first: without colours everything still reads.

use console::{Style, StyledObject};
use watchbell_protocol::event::{Counts, DetectorState, Severity, Status};

/// The shape of a severity.
pub fn severity(severity: Severity) -> char {
    match severity {
        Severity::Critical => '■',
        Severity::High => '▲',
        Severity::Medium => '◆',
        Severity::Low => '◒',
        Severity::Info => '○',
    }
}

/// The shape of a detector's state; a running one is drawn as a spinner instead.
pub fn detector(state: DetectorState) -> char {
    match state {
        DetectorState::Waiting => '◌',
        DetectorState::Running => '●',
        DetectorState::Complete => '✓',
        DetectorState::Skipped => '–',
        DetectorState::Failed => '✗',
        DetectorState::Cancelled => '⊘',
    }
}

/// The shape of somebody's presence.
pub fn presence(status: Status) -> char {
    match status {
        Status::Online => '●',
        Status::Away => '◐',
        Status::Offline => '○',
    }
}

/// Paints, or leaves as it is.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    colours: bool,
}

impl Paint {
    /// With or without colours.
    pub fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// As standard output wants it (`NO_COLOR`, not a terminal).
    pub fn of_stdout() -> Self {
        Self::new(console::colors_enabled())
    }

    /// As standard error wants it.
    pub fn of_stderr() -> Self {
        Self::new(console::colors_enabled_stderr())
    }

    fn apply<D>(self, style: Style, thing: D) -> StyledObject<D> {
        style.force_styling(self.colours).apply_to(thing)
    }

    /// In a severity's colour.
    pub fn severity<D>(self, severity: Severity, thing: D) -> StyledObject<D> {
        let style = match severity {
            Severity::Critical => Style::new().red().bold(),
            Severity::High => Style::new().red(),
            Severity::Medium => Style::new().yellow(),
            Severity::Low => Style::new().cyan(),
            Severity::Info => Style::new().dim(),
        };
        self.apply(style, thing)
    }

    /// In a detector state's colour: calm, but for failure.
    pub fn detector<D>(self, state: DetectorState, thing: D) -> StyledObject<D> {
        let style = match state {
            DetectorState::Complete => Style::new().green(),
            DetectorState::Failed => Style::new().red(),
            DetectorState::Running => Style::new().cyan(),
            DetectorState::Waiting | DetectorState::Skipped | DetectorState::Cancelled => Style::new().dim(),
        };
        self.apply(style, thing)
    }

    /// In a presence's colour.
    pub fn presence<D>(self, status: Status, thing: D) -> StyledObject<D> {
        let style = match status {
            Status::Online => Style::new().green(),
            Status::Away => Style::new().yellow(),
            Status::Offline => Style::new().dim(),
        };
        self.apply(style, thing)
    }

    /// Secondary.
    pub fn dim<D>(self, thing: D) -> StyledObject<D> {
        self.apply(Style::new().dim(), thing)
    }

    /// A heading.
    pub fn bold<D>(self, thing: D) -> StyledObject<D> {
        self.apply(Style::new().bold(), thing)
    }

    /// `■ 2  ▲ 5`: the severities that were found.
    pub fn counts(self, counts: &Counts) -> String {
        let found = Severity::ALL.iter().filter(|severity| counts.of(**severity) > 0);
        let found = found.map(|&s| self.severity(s, format!("{} {}", severity(s), counts.of(s))).to_string());
        found.collect::<Vec<_>>().join("  ")
    }
}
