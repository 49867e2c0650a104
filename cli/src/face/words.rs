//! Numbers and times in words, the same everywhere. Pure: the time and its zone are passed in.

use jiff::{Timestamp, tz::TimeZone};
use watchbell_protocol::{
    UnixMillis,
    event::{AnalysisState, Counts, Severity, TimeLeft},
};

/// A duration in a table: `0:12`, `1:48`, `1:02:03`.
pub fn clock(ms: u64) -> String {
    let s = ms / 1000;
    match s / 3600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}

/// A duration in a sentence: `0.4 s`, `12 s`, `2 min 50 s`, `1 h 3 min`.
pub fn span(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0 if ms < 100 => "under 0.1 s".into(),
        0 => format!("0.{} s", ms / 100),
        1..=59 => format!("{s} s"),
        60..=3599 if s.is_multiple_of(60) => format!("{} min", s / 60),
        60..=3599 => format!("{} min {} s", s / 60, s % 60),
        _ => format!("{} h {} min", s / 3600, s / 60 % 60),
    }
}

/// The time left, rounded; `None` while it cannot be told.
pub fn left(left: TimeLeft) -> Option<String> {
    match left {
        TimeLeft::Unknown => None,
        TimeLeft::Overdue => Some("longer than usual".into()),
        TimeLeft::About { ms, .. } => Some(match ms.div_ceil(1000) {
            0..=5 => "a few seconds left".into(),
            s @ 6..=55 => format!("about {} s left", s.next_multiple_of(10)),
            s @ 56..=3570 => format!("about {} min left", (s + 30) / 60),
            s => format!("about {} h left", (s + 1800) / 3600),
        }),
    }
}

/// Per cent, whole, never rounded up to the end.
pub fn percent(percent: f32) -> String {
    format!("{} %", percent.clamp(0.0, 100.0).floor())
}

/// `1 issue`, `2 issues`.
pub fn count(n: u32, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// `5 issues: 2 critical, 3 low`, `3 low issues`, or `no issues`.
pub fn found(counts: &Counts) -> String {
    let found: Vec<_> = Severity::ALL.into_iter().filter(|&severity| counts.of(severity) > 0).collect();
    match found.as_slice() {
        [] => "no issues".into(),
        [only] => count(counts.of(*only), &format!("{} issue", only.word())),
        several => {
            let parts: Vec<_> = several.iter().map(|&s| format!("{} {}", counts.of(s), s.word())).collect();
            format!("{}: {}", count(counts.total(), "issue"), parts.join(", "))
        }
    }
}

/// A state as the end of a sentence about an analysis.
pub fn state(state: AnalysisState) -> &'static str {
    match state {
        AnalysisState::Running => "running",
        AnalysisState::Cancelling => "being cancelled",
        AnalysisState::Complete => "complete",
        AnalysisState::Cancelled => "cancelled",
        AnalysisState::Failed => "failed",
    }
}

/// A point in time as people say it: `14:02` today, `Yesterday 16:20`, then `12 Mar`.
pub fn at(at: UnixMillis, now: UnixMillis, zone: &TimeZone) -> String {
    let local =
        |time: UnixMillis| Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    let (then, now) = (local(at), local(now));
    if then.date() == now.date() {
        then.strftime("%H:%M").to_string()
    } else if then.date().tomorrow().is_ok_and(|next| next == now.date()) {
        then.strftime("Yesterday %H:%M").to_string()
    } else if then.year() == now.year() {
        then.strftime("%-d %b").to_string()
    } else {
        then.strftime("%-d %b %Y").to_string()
    }
}

/// One line of a text of many, for a row: control characters are spaces, so that a message from a repository cannot
/// steer the terminal.
pub fn one_line(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line of a log, spaces and tabs as they are. Whoever wrote it cannot steer the terminal: colours go, and other control
/// characters are spaces.
pub fn log_line(text: &str) -> String {
    let plain = console::strip_ansi_codes(text);
    plain.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_tables_and_as_in_sentences() {
        for (ms, in_table, in_sentence) in [
            (0, "0:00", "under 0.1 s"),
            (430, "0:00", "0.4 s"),
            (12_900, "0:12", "12 s"),
            (108_000, "1:48", "1 min 48 s"),
            (120_000, "2:00", "2 min"),
            (3_783_000, "1:03:03", "1 h 3 min"),
        ] {
            assert_eq!((clock(ms).as_str(), span(ms).as_str()), (in_table, in_sentence));
        }
    }

    #[test]
    fn time_left_is_rounded_and_unknown_is_silent() {
        let about = |s: u64| left(TimeLeft::About { ms: s * 1000, p80_ms: s * 2000 }).unwrap();
        assert_eq!(left(TimeLeft::Unknown), None);
        assert_eq!(left(TimeLeft::Overdue).unwrap(), "longer than usual");
        for (s, words) in [
            (0, "a few seconds left"),
            (12, "about 20 s left"),
            (51, "about 60 s left"),
            (56, "about 1 min left"),
            (89, "about 1 min left"),
            (100, "about 2 min left"),
            (3_571, "about 1 h left"),
        ] {
            assert_eq!(about(s), words, "{s}");
        }
    }

    #[test]
    fn per_cent_reaches_a_hundred_only_at_the_end() {
        assert_eq!(percent(63.4), "63 %");
        assert_eq!(percent(99.9), "99 %");
        assert_eq!(percent(100.0), "100 %");
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        let zone = TimeZone::UTC;
        let now = UnixMillis("2026-03-14T15:00:00Z".parse::<Timestamp>().unwrap().as_millisecond());
        for (time, words) in [
            ("2026-03-14T14:02:00Z", "14:02"),
            ("2026-03-13T16:20:00Z", "Yesterday 16:20"),
            ("2026-03-12T16:20:00Z", "12 Mar"),
            ("2025-03-12T16:20:00Z", "12 Mar 2025"),
        ] {
            let time = UnixMillis(time.parse::<Timestamp>().unwrap().as_millisecond());
            assert_eq!(at(time, now, &zone), words);
        }
    }

    #[test]
    fn what_was_found_leaves_out_zeros() {
        let counts: Counts = [Severity::Critical, Severity::Low, Severity::Low].into_iter().collect();
        assert_eq!(found(&counts), "3 issues: 1 critical, 2 low");
        assert_eq!(found(&[Severity::Low].into_iter().collect()), "1 low issue");
        assert_eq!(found(&Counts::default()), "no issues");
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        assert_eq!(log_line("\u{1b}[31merror\u{1b}[0m:\t  x\u{1b}]0;t\u{7}\r\u{9b}1A"), "error:\t  x ");
        assert_eq!(one_line("first\n  second\u{1b}[2Jthird\t!"), "first second [2Jthird !");
    }
}
