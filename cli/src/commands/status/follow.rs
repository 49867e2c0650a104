//! What changes in a project, as lines that are appended, and on a terminal a live line below them.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::{Timestamp, tz::TimeZone};
use watchbell_client::{
    change::Change,
    view::{ConnectionState, Person, ProjectView},
};
use watchbell_protocol::{
    ActivityId, UnixMillis, UserId,
    event::{Analysis, AnalysisProgress, AnalysisState, Status},
};

use super::overview;
use crate::{
    exit::Failure,
    face::{self, words},
};

/// How often a log is told of progress at most.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    at: UnixMillis,
    what: String,
    /// Left out where the live line says it.
    is_progress: bool,
}

impl Line {
    /// `14:02:11  Ada is online`
    pub fn said(&self, zone: &TimeZone) -> (bool, String) {
        let at = Timestamp::from_millisecond(self.at.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
        (self.is_progress, format!("{}  {}", at.strftime("%H:%M:%S"), self.what))
    }
}

/// What has been said so far. Pure: the time is passed in.
#[derive(Debug, Default)]
pub struct Watching {
    people: BTreeMap<UserId, Status>,
    newest: Option<(UnixMillis, ActivityId)>,
    analysis: Option<Analysis>,
    progress: Option<AnalysisProgress>,
    progress_said_at: Option<UnixMillis>,
    is_offline: bool,
}

impl Watching {
    /// What the overview has said.
    pub fn new(view: &ProjectView) -> Self {
        let mut watching = Self::default();
        watching.rebuilt(view, UnixMillis::default());
        watching
    }

    /// The latest analysis.
    pub fn analysis(&self) -> Option<&Analysis> {
        self.analysis.as_ref()
    }

    /// How far it is, while it runs.
    pub fn progress(&self) -> Option<&AnalysisProgress> {
        self.progress.as_ref()
    }

    /// Everything was fetched anew: the lines that were missed.
    pub fn rebuilt(&mut self, view: &ProjectView, now: UnixMillis) -> Vec<Line> {
        let mut lines = self.people(&view.people, now);
        lines.extend(self.activity(&view.activity));
        self.analysis.clone_from(&view.analysis);
        self.progress.clone_from(&view.progress);
        lines
    }

    /// The lines that a change is worth.
    pub fn changed(&mut self, change: &Change, now: UnixMillis) -> Vec<Line> {
        match change {
            Change::People { people, .. } => self.people(people, now),
            Change::Activity { entries, .. } => self.activity(entries),
            Change::Analysis { analysis } => {
                if analysis.state.is_over() {
                    self.progress = None;
                }
                self.analysis = Some((**analysis).clone());
                Vec::new()
            }
            Change::Progress { progress, .. } => self.progressed(progress, now),
            Change::Arrived { notification, .. } => {
                let title = words::one_line(&notification.title);
                vec![Line { at: notification.at, what: format!("Notification: {title}"), is_progress: false }]
            }
            Change::Summary { count, .. } => {
                let what = format!("{} more in a burst", words::count(*count, "notification"));
                vec![Line { at: now, what, is_progress: false }]
            }
            Change::Connection { connection } => self.connection(&connection.state, now),
            _ => Vec::new(),
        }
    }

    fn people(&mut self, people: &[Person], now: UnixMillis) -> Vec<Line> {
        let mut lines = Vec::new();
        for person in people {
            let before = self.people.insert(person.user, person.status);
            if before.is_some_and(|before| before != person.status) {
                let status = match person.status {
                    Status::Online => "online",
                    Status::Away => "away",
                    Status::Offline => "offline",
                };
                let what = format!("{} is {status}", words::one_line(&person.display_name));
                lines.push(Line { at: now, what, is_progress: false });
            }
        }
        self.people.retain(|user, _| people.iter().any(|person| person.user == *user));
        lines
    }

    /// Entries come newest first, and are said oldest first.
    fn activity(&mut self, entries: &[watchbell_protocol::event::Activity]) -> Vec<Line> {
        let seen = self.newest;
        let fresh = entries.iter().rev().filter(|entry| seen.is_none_or(|seen| (entry.at, entry.id) > seen));
        let lines =
            fresh.map(|entry| Line { at: entry.at, what: overview::activity(entry), is_progress: false }).collect();
        self.newest = entries.iter().map(|entry| (entry.at, entry.id)).max().max(seen);
        lines
    }

    fn progressed(&mut self, progress: &AnalysisProgress, now: UnixMillis) -> Vec<Line> {
        self.progress = Some(progress.clone());
        let is_due = self.progress_said_at.is_none_or(|said| now.since(said) >= PROGRESS_EVERY);
        match self.analysis.as_ref().filter(|analysis| is_due && analysis.id == progress.analysis) {
            Some(analysis) if !analysis.state.is_over() => {
                self.progress_said_at = Some(now);
                vec![Line { at: now, what: overview::running(analysis, progress), is_progress: true }]
            }
            _ => Vec::new(),
        }
    }

    fn connection(&mut self, state: &ConnectionState, now: UnixMillis) -> Vec<Line> {
        let what = match state {
            ConnectionState::Offline { reason, .. } if !self.is_offline => {
                self.is_offline = true;
                format!("Offline: {reason}; trying again")
            }
            ConnectionState::Live { .. } if self.is_offline => {
                self.is_offline = false;
                "Live again; nothing was missed".into()
            }
            ConnectionState::SignInNeeded { .. } if !self.is_offline => {
                self.is_offline = true;
                "The sign-in ended; following the new one".into()
            }
            _ => return Vec::new(),
        };
        vec![Line { at: now, what, is_progress: false }]
    }
}

/// The live line: a bar on a terminal, nothing elsewhere.
pub struct Head {
    screen: Option<(MultiProgress, Option<ProgressBar>)>,
}

impl Head {
    /// A bar if both standard output and standard error are a terminal.
    pub fn fitting() -> Self {
        let is_terminal = console::user_attended() && console::user_attended_stderr();
        Self { screen: is_terminal.then(|| (MultiProgress::new(), None)) }
    }

    /// Appends lines; those about progress only where there is no bar. `Ok(false)` if nobody reads any more.
    pub fn lines(&self, lines: impl Iterator<Item = (bool, String)>) -> Result<bool, Failure> {
        let failed = |error| Failure::incomplete(format!("standard output cannot be written: {error}"));
        for (is_progress, line) in lines {
            let go_on = match &self.screen {
                Some(_) if is_progress => true,
                Some((screen, _)) => screen.suspend(|| face::print(format!("{line}\n"))).map_err(failed)?,
                None => face::print(format!("{line}\n")).map_err(failed)?,
            };
            if !go_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Draws the bar of the running analysis, or takes it away.
    pub fn show(&mut self, analysis: Option<&Analysis>, progress: Option<&AnalysisProgress>) {
        let Some((screen, bar)) = &mut self.screen else { return };
        let running = analysis.zip(progress).filter(|(analysis, progress)| {
            analysis.id == progress.analysis
                && matches!(analysis.state, AnalysisState::Running | AnalysisState::Cancelling)
        });
        match running {
            Some((analysis, progress)) => {
                let bar = bar.get_or_insert_with(|| screen.add(ProgressBar::new(1000).with_style(style())));
                bar.set_position((f64::from(progress.percent.clamp(0.0, 100.0)) * 10.0) as u64);
                bar.set_message(overview::running(analysis, progress));
            }
            None => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                    screen.remove(&bar);
                }
            }
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:20.cyan/black.bright}  {msg}")
        .expect("the template is well-formed")
        .progress_chars("━━╌")
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{
        Origin, ProjectId, Text,
        event::{Activity, ActivityKind, Role},
    };

    use super::*;

    fn person(name: &str, user: UserId, status: Status) -> Person {
        Person {
            user,
            name: name.to_lowercase(),
            display_name: name.into(),
            role: Role::Member,
            status,
            since: None,
            last_seen: None,
            devices: Vec::new(),
            viewing: None,
        }
    }

    fn entry(at: i64, title: &str) -> Activity {
        Activity {
            id: ActivityId::fresh(),
            project: ProjectId::fresh(),
            at: UnixMillis(at),
            by: Origin::Server,
            what: ActivityKind::Posted { title: Text::clip(title), body: None },
        }
    }

    fn said(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.what.as_str()).collect()
    }

    #[test]
    fn only_a_changed_presence_is_said() {
        let (ada, bob, now) = (UserId::fresh(), UserId::fresh(), UnixMillis(1));
        let mut watching = Watching::default();
        let people = |status| [person("Ada", ada, status), person("Bob", bob, Status::Offline)];
        assert!(watching.people(&people(Status::Offline), now).is_empty());
        assert_eq!(said(&watching.people(&people(Status::Online), now)), ["Ada is online"]);
        assert!(watching.people(&people(Status::Online), now).is_empty());
        assert_eq!(said(&watching.people(&people(Status::Away), now)), ["Ada is away"]);
    }

    #[test]
    fn an_entry_is_said_once_and_the_oldest_first() {
        let (one, two, three) = (entry(1, "one"), entry(2, "two"), entry(3, "three"));
        let mut watching = Watching::default();
        assert_eq!(said(&watching.activity(&[two.clone(), one])), ["Watchbell: one", "Watchbell: two"]);
        assert_eq!(said(&watching.activity(&[three.clone(), two])), ["Watchbell: three"]);
        assert!(watching.activity(&[three]).is_empty());
    }

    #[test]
    fn an_outage_is_said_once_at_each_end() {
        let (mut watching, now) = (Watching::default(), UnixMillis(1));
        let offline = ConnectionState::Offline { since: now, next_try_at: now, reason: "refused".into() };
        assert_eq!(said(&watching.connection(&offline, now)), ["Offline: refused; trying again"]);
        assert!(watching.connection(&offline, now).is_empty());
        let live = ConnectionState::Live { since: now };
        assert_eq!(said(&watching.connection(&live, now)), ["Live again; nothing was missed"]);
        assert!(watching.connection(&live, now).is_empty());
    }
}
