//! This device's own commands that the server has not confirmed, as a layer over what the server has said.

use std::collections::{HashMap, HashSet};

use sqlx::SqliteConnection;
use watchbell_protocol::{
    AnalysisId, ClientFrame, Command, CommandId, NotificationId, Seq, UnixMillis,
    event::{Analysis, AnalysisState, Notification},
};

use crate::cache::Result;

/// The layer.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    read: HashMap<NotificationId, Mark>,
    read_through: Through,
    cleared_through: Seq,
    cancelling: HashSet<AnalysisId>,
}

/// When the person asked, and whether the command still waits for an answer.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: UnixMillis,
    waiting: bool,
}

/// "Read all": up to which number the command reaches, and up to which one still waits.
#[derive(Debug, Default)]
struct Through {
    seq: Seq,
    waiting: Seq,
    at: UnixMillis,
}

impl Overlay {
    /// Reads the layer from the outbox.
    pub(crate) async fn load(db: &mut SqliteConnection) -> Result<Self> {
        let rows: Vec<(String, bool)> = sqlx::query_as(
            "SELECT frame, settled_room IS NULL FROM outbox
             WHERE name IN ('notification:read', 'notification:read_all', 'notification:clear', 'analysis:cancel')
             ORDER BY n",
        )
        .fetch_all(db)
        .await?;
        let mut overlay = Self::default();
        for (frame, waiting) in rows {
            match ClientFrame::parse(&frame) {
                Ok(frame) => overlay.add(&frame, waiting),
                Err(refused) => tracing::warn!(error = %refused.error, "a waiting command cannot be read: not shown"),
            }
        }
        Ok(overlay)
    }

    fn add(&mut self, frame: &ClientFrame, waiting: bool) {
        let mark = Mark { at: frame.id.map_or(UnixMillis(0), made_at), waiting };
        match &frame.command {
            Command::NotificationReadCmd(read) => self.read.extend(read.ids.iter().map(|&id| (id, mark))),
            Command::NotificationReadAll(all) => {
                let through = &mut self.read_through;
                through.at = mark.at;
                through.seq = through.seq.max(all.through);
                if waiting {
                    through.waiting = through.waiting.max(all.through);
                }
            }
            Command::NotificationClear(clear) => self.cleared_through = self.cleared_through.max(clear.through),
            Command::AnalysisCancel(cancel) => {
                self.cancelling.insert(cancel.analysis);
            }
            _ => {}
        }
    }

    /// Up to which number nothing counts as unread.
    pub(crate) fn seen_through(&self) -> Seq {
        self.read_through.seq.max(self.cleared_through)
    }

    /// Up to which number nothing is in the list.
    pub(crate) fn cleared_through(&self) -> Seq {
        self.cleared_through
    }

    /// The notifications that are read one by one, as a JSON list for SQL.
    pub(crate) fn read_ids(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.read.keys().collect::<Vec<_>>())?)
    }

    /// Whether a notification is read.
    pub(crate) fn reads(&self, id: NotificationId, seq: Seq) -> bool {
        seq <= self.read_through.seq || self.read.contains_key(&id)
    }

    /// Whether a notification is cleared.
    pub(crate) fn clears(&self, seq: Seq) -> bool {
        seq <= self.cleared_through
    }

    /// Makes a notification as this device's commands will; says whether one of them still waits.
    pub(crate) fn over_notification(&self, notification: &mut Notification) -> bool {
        if notification.read_at.is_some() {
            return false;
        }
        if let Some(mark) = self.read.get(&notification.id) {
            notification.read_at = Some(mark.at);
            return mark.waiting;
        }
        if notification.seq <= self.read_through.seq {
            notification.read_at = Some(self.read_through.at);
        }
        notification.seq <= self.read_through.waiting
    }

    /// Makes an analysis as this device's commands will.
    pub(crate) fn over_analysis(&self, analysis: &mut Analysis) {
        if analysis.state == AnalysisState::Running && self.cancelling.contains(&analysis.id) {
            analysis.state = AnalysisState::Cancelling;
        }
    }
}

/// When a command was made: its id begins with the time.
fn made_at(id: CommandId) -> UnixMillis {
    id.0.get_timestamp().map_or(UnixMillis(0), |timestamp| {
        let (seconds, nanos) = timestamp.to_unix();
        UnixMillis(i64::try_from(seconds).unwrap_or(0).saturating_mul(1000) + i64::from(nanos / 1_000_000))
    })
}
