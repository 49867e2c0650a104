//! What is published: an analysis's progress, the same for all peers, so padded that a receiver gets [`FRAME_BYTES`]
//! bytes of text from each of them.

use watchbell_protocol::{
    AnalysisId, CommandId, List, Origin, Room, RoomEvent, Text, UnixMillis, UserId,
    command::{ActivityPost, AnalysisRenew},
    event::{AnalysisProgress, Counts, DetectorProgress, DetectorState, TimeLeft},
};

use crate::{clock, wire};

/// What a receiver gets per event, without the frame around it.
pub(super) const FRAME_BYTES: usize = 512;

/// The key before the stamp of a progress. The detector's working time is a number that nobody interprets on its way.
pub const PROGRESS_MARK: &str = "\"ms\":";
/// The word before the stamp of an entry of the feed, or of a line of a log.
pub const POST_MARK: &str = "us=";

/// A frame that is sent again and again, each time with another stamp.
pub struct Template {
    frame: Vec<u8>,
    at: usize,
}

impl Template {
    /// A text frame whose stamp stands behind the first `mark`.
    pub(super) fn new(text: &str, mark: &str) -> Self {
        let frame = wire::text(text);
        let at = frame.len() - text.len() + text.find(mark).map_or(0, |at| at + mark.len());
        Self { frame, at }
    }

    /// Appends the frame with this stamp.
    pub fn put(&mut self, out: &mut Vec<u8>, micros: u64) {
        clock::stamp(&mut self.frame[self.at..], micros);
        out.extend(&self.frame);
    }
}

/// A progress of `analysis`, with a detector's name of `pad` letters.
pub(super) fn progress(analysis: AnalysisId, pad: usize) -> AnalysisProgress {
    let detector = DetectorProgress {
        name: Text::clip("x".repeat(pad)),
        state: DetectorState::Running,
        percent: None,
        counts: Counts::default(),
        ms: clock::now(),
    };
    AnalysisProgress {
        analysis,
        percent: 12.5,
        left: TimeLeft::Unknown,
        detectors: List::try_from(vec![detector]).unwrap_or_default(),
        counts: Counts::default(),
        measured_at: UnixMillis(1_800_000_000_000),
    }
}

/// The renewal whose event reaches receivers with [`FRAME_BYTES`].
pub(super) fn renewal(room: Room, author: UserId, author_name: &str, analysis: AnalysisId) -> AnalysisRenew {
    let event = RoomEvent {
        room,
        seq: None,
        tag: None,
        at: UnixMillis(1_800_000_000_000),
        origin: Origin::User { id: author, name: Text::clip(author_name) },
        event: progress(analysis, 0).into(),
    };
    let bare = serde_json::to_string(&event).map_or(0, |text| text.len());
    AnalysisRenew { progress: progress(analysis, FRAME_BYTES.saturating_sub(bare)) }
}

/// An entry of the feed that reaches receivers with about [`FRAME_BYTES`].
pub(super) fn post() -> ActivityPost {
    let body = format!("{POST_MARK}{} {}", clock::now(), "x".repeat(140));
    ActivityPost { title: Text::clip("the watch is relieved"), body: Some(Text::clip(body)) }
}

/// The payload for peers without a wire of their own: the text that `around` makes of it has [`FRAME_BYTES`].
pub(super) fn plain(around: impl Fn(&str) -> String) -> String {
    let analysis = AnalysisId::from(CommandId::fresh());
    let filler = |pad: usize| {
        let progress = serde_json::to_string(&progress(analysis, 0)).unwrap_or_default();
        progress.replacen("\"name\":\"\"", &format!("\"name\":\"{}\"", "x".repeat(pad)), 1)
    };
    filler(FRAME_BYTES.saturating_sub(around(&filler(0)).len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_sends_as_many_bytes() {
        assert_eq!(plain(str::to_owned).len(), FRAME_BYTES);
        assert_eq!(format!(r#"42["event",{}]"#, plain(|data| format!(r#"42["event",{data}]"#))).len(), FRAME_BYTES);
        let (room, author) = (Room::Project(watchbell_protocol::ProjectId::fresh()), UserId::fresh());
        let renewal = renewal(room, author, "member-0", AnalysisId::from(CommandId::fresh()));
        let event = RoomEvent {
            room,
            seq: None,
            tag: None,
            at: UnixMillis(1_800_000_000_000),
            origin: Origin::User { id: author, name: Text::clip("member-0") },
            event: renewal.progress.into(),
        };
        assert_eq!(serde_json::to_string(&event).unwrap().len(), FRAME_BYTES);
    }

    #[test]
    fn a_template_is_stamped_where_the_receiver_looks() {
        let text = plain(str::to_owned);
        let mut template = Template::new(&text, PROGRESS_MARK);
        let mut out = Vec::new();
        template.put(&mut out, 1_234_567_890_123_456);
        assert!(String::from_utf8_lossy(&out).contains("\"ms\":1234567890123456"));
    }
}
