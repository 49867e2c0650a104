//! One sample of every event and command, with fixed ids and times.

use uuid::Uuid;
use watchbell_protocol::{
    ActivityId, AnalysisId, Command, DeviceId, Event, List, NotificationId, Origin, Position, ProjectId, Room, Seq,
    Tag, Text, UnixMillis, UserId, command, event, position::Epoch,
};

pub const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

pub fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0192_f0c1_0000_7000_8000_0000_0000_0000 + n)
}

pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::try_from(text).expect("fits")
}

pub fn list<T, const MAX: usize>(elements: Vec<T>) -> List<T, MAX> {
    List::try_from(elements).unwrap_or_else(|_| panic!("fits"))
}

pub fn project_room() -> Room {
    Room::Project(ProjectId(uuid(1)))
}

pub fn ines() -> Origin {
    Origin::User { id: UserId(uuid(2)), name: text("Ines") }
}

pub fn position() -> Position {
    Position { epoch: Epoch(7), seq: Seq(41), tag: Tag(99) }
}

fn project() -> event::Project {
    event::Project { id: ProjectId(uuid(1)), name: text("compiler"), created_at: NOW }
}

fn counts() -> event::Counts {
    event::Counts { critical: 2, high: 4, medium: 21, low: 31, info: 9 }
}

pub fn issue() -> event::Issue {
    event::Issue {
        fingerprint: text("c0ffee:1"),
        detector: text("clippy"),
        rule: text("uninit_vec"),
        severity: event::Severity::High,
        message: text("set_len leaves elements uninitialised"),
        path: text("codegen/src/buffer.rs"),
        line: 61,
        column: Some(9),
        end_line: None,
        help: Some(text("https://rust-lang.github.io/rust-clippy/master/#uninit_vec")),
    }
}

fn detector() -> event::DetectorRun {
    event::DetectorRun {
        name: text("clippy"),
        version: Some(text("0.1.95")),
        state: event::DetectorState::Complete,
        reason: None,
        counts: event::Counts { high: 2, medium: 9, low: 14, ..Default::default() },
        ms: 108_000,
        usual_ms: Some(152_000),
    }
}

fn analysis(state: event::AnalysisState) -> event::Analysis {
    event::Analysis {
        id: AnalysisId(uuid(3)),
        project: ProjectId(uuid(1)),
        number: 214,
        state,
        started_by: ines(),
        runner: text("forge-2"),
        root: text("compiler"),
        branch: Some(text("main")),
        revision: Some(text("8f3c1ae0f4d9f0f5a3c4f6a2c3b1d5e6f7a8b9c0")),
        files: 812,
        started_at: NOW,
        ended_at: state.is_over().then_some(UnixMillis(NOW.0 + 166_000)),
        detectors: list(vec![detector()]),
        counts: counts(),
        usual_ms: Some(170_000),
        reason: None,
    }
}

fn progress() -> event::AnalysisProgress {
    event::AnalysisProgress {
        analysis: AnalysisId(uuid(3)),
        percent: 63.5,
        left: event::TimeLeft::About { ms: 62_000, p80_ms: 80_000 },
        detectors: list(vec![event::DetectorProgress {
            name: text("clippy"),
            state: event::DetectorState::Running,
            percent: Some(71.0),
            counts: counts(),
            ms: 108_000,
        }]),
        counts: counts(),
        measured_at: NOW,
    }
}

fn notification() -> event::Notification {
    event::Notification {
        id: NotificationId(uuid(4)),
        seq: Seq(12),
        kind: event::NotificationKind::AnalysisComplete,
        level: event::Level::Error,
        title: text("Analysis 214 of compiler finished"),
        body: text("2 critical, 4 high, 61 others"),
        project: Some(ProjectId(uuid(1))),
        link: Some(event::Link::Analysis { analysis: AnalysisId(uuid(3)) }),
        at: NOW,
        read_at: None,
    }
}

fn member() -> event::Member {
    event::Member {
        user: UserId(uuid(2)),
        name: text("ines"),
        display_name: text("Ines"),
        role: event::Role::Admin,
        last_seen: Some(NOW),
    }
}

fn viewing() -> event::Viewing {
    event::Viewing { project: ProjectId(uuid(1)), place: text("Overview") }
}

fn log_line() -> event::LogLine {
    let text = text("warning: unused variable: `x`");
    event::LogLine { text, raw: None, level: Some(event::LogLevel::Warning), written_at: Some(NOW) }
}

pub fn events() -> Vec<Event> {
    use event::AnalysisState as State;
    vec![
        event::ProjectUpdate { project: project() }.into(),
        event::ProjectMemberAdded { project: project(), member: member() }.into(),
        event::ProjectMemberRemoved { project: ProjectId(uuid(1)), user: UserId(uuid(2)) }.into(),
        event::PresenceChanged {
            presence: event::Presence {
                user: UserId(uuid(2)),
                status: event::Status::Online,
                since: NOW,
                devices: list(vec![event::Device {
                    id: DeviceId(uuid(5)),
                    kind: event::DeviceKind::Desktop,
                    status: event::Status::Online,
                }]),
                viewing: Some(viewing()),
            },
        }
        .into(),
        event::ActivityNew {
            activity: event::Activity {
                id: ActivityId(uuid(6)),
                project: ProjectId(uuid(1)),
                at: NOW,
                by: ines(),
                what: event::ActivityKind::AnalysisStarted { analysis: AnalysisId(uuid(3)), number: 214 },
            },
        }
        .into(),
        event::AnalysisStarted { analysis: analysis(State::Running) }.into(),
        progress().into(),
        event::DetectorComplete { analysis: AnalysisId(uuid(3)), detector: detector() }.into(),
        event::AnalysisIssues { analysis: AnalysisId(uuid(3)), issues: list(vec![issue()]), counts: counts() }.into(),
        event::AnalysisCancelling { analysis: AnalysisId(uuid(3)), by: ines() }.into(),
        event::AnalysisComplete { analysis: analysis(State::Complete) }.into(),
        event::AnalysisCancelled { analysis: analysis(State::Cancelled) }.into(),
        event::AnalysisError { analysis: analysis(State::Failed) }.into(),
        event::NotificationNew { notification: notification() }.into(),
        event::NotificationRead { which: event::Selection::Ids(list(vec![NotificationId(uuid(4))])), at: NOW }.into(),
        event::NotificationCleared { which: event::Selection::Through(Seq(12)) }.into(),
        event::LogsStream { source: text("build"), line: log_line() }.into(),
    ]
}

pub fn commands() -> Vec<Command> {
    use command::{End, ReportItem};
    vec![
        command::RoomJoin { since: Some(position()), streams: list(vec![text("logs:build")]) }.into(),
        command::RoomLeave {}.into(),
        command::AuthRefresh { access_token: text("eyJ…") }.into(),
        command::PresenceUpdate { status: event::Status::Away, viewing: Some(viewing()) }.into(),
        command::AnalysisStart {
            runner: command::Runner::Own,
            runner_name: text("forge-2"),
            root: text("compiler"),
            branch: Some(text("main")),
            revision: None,
            files: 812,
            detectors: list(vec![
                command::DetectorPlan { name: text("clippy"), version: Some(text("0.1.95")), skipped: None },
                command::DetectorPlan { name: text("ruff"), version: None, skipped: Some(text("no Python files")) },
            ]),
        }
        .into(),
        command::AnalysisRenew { progress: progress() }.into(),
        command::AnalysisReport {
            analysis: AnalysisId(uuid(3)),
            items: list(vec![
                ReportItem::Issues(list(vec![issue()])),
                ReportItem::Detector(detector()),
                ReportItem::End(End::Failed { reason: text("the disk is full") }),
            ]),
        }
        .into(),
        command::AnalysisCancel { analysis: AnalysisId(uuid(3)) }.into(),
        command::NotificationReadCmd { ids: list(vec![NotificationId(uuid(4))]) }.into(),
        command::NotificationReadAll { through: Seq(12) }.into(),
        command::NotificationClear { through: Seq(12) }.into(),
        command::Notify {
            level: event::Level::Warning,
            title: text("Deploy 88 waits for approval"),
            body: text("since 10:40"),
            link: Some(event::Link::Url { url: text("https://deploy.example/88") }),
        }
        .into(),
        command::ActivityPost { title: text("Release 1.4 is out"), body: None }.into(),
        command::LogsAppend {
            source: text("build"),
            lines: list(vec![
                log_line(),
                event::LogLine {
                    text: text("\u{fffd} 100 %"),
                    raw: Some(b"\xff 100 %".to_vec().try_into().expect("is short")),
                    level: None,
                    written_at: None,
                },
            ]),
        }
        .into(),
    ]
}
