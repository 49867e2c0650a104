//! What a popup says: pure, from a notification to words and urgency.
//!
//! Deliberately absent: whether it is shown. The client decided that.

use watchbell_protocol::{
    NotificationId, UnixMillis,
    event::{Level, Notification},
};

use crate::view::OpenTarget;

/// How loud a popup is. On GNOME a quiet one waits in the tray, and a loud one stays until it is clicked away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Good to know.
    Low,
    /// The usual.
    Normal,
    /// Look at it now.
    Critical,
}

/// What one popup says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub summary: String,
    /// More; empty if there is nothing to add.
    pub body: String,
    /// How loud.
    pub urgency: Urgency,
    /// Where a click leads.
    pub target: OpenTarget,
    /// What "Mark read" marks; without it there is no such button.
    pub notification: Option<NotificationId>,
    /// When the server made it, to tell how long it took.
    pub made_at: Option<UnixMillis>,
}

impl Message {
    /// A notification on its own.
    pub fn of(notification: &Notification) -> Self {
        Self {
            summary: notification.title.to_string(),
            body: notification.body.to_string(),
            urgency: urgency(notification.level),
            target: target(notification),
            notification: Some(notification.id),
            made_at: Some(notification.at),
        }
    }

    /// `count` notifications in one popup; `unread` says how many are unread in all.
    pub fn summary(count: u32, unread: u32) -> Self {
        Self {
            summary: if count == 1 { "1 new notification".into() } else { format!("{count} new notifications") },
            body: if unread > count { format!("{unread} are unread in all.") } else { String::new() },
            urgency: Urgency::Normal,
            target: OpenTarget::Notifications,
            notification: None,
            made_at: None,
        }
    }

    /// What "test popup" shows.
    pub fn test() -> Self {
        Self {
            summary: "Popups work".into(),
            body: "This is how Watchbell tells you about what matters.".into(),
            urgency: Urgency::Normal,
            target: OpenTarget::Notifications,
            notification: None,
            made_at: None,
        }
    }
}

fn urgency(level: Level) -> Urgency {
    match level {
        Level::Info => Urgency::Low,
        Level::Success | Level::Warning => Urgency::Normal,
        Level::Error => Urgency::Critical,
    }
}

fn target(notification: &Notification) -> OpenTarget {
    notification.project.map_or(OpenTarget::Notifications, |project| OpenTarget::Project { project })
}

/// Text for a service that reads the body as markup: what was written is what is read.
pub fn escape_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{ProjectId, Seq, Text, event::NotificationKind};

    use super::*;

    fn notification(title: &str, level: Level, project: Option<ProjectId>) -> Notification {
        Notification {
            id: NotificationId::fresh(),
            seq: Seq(1),
            kind: NotificationKind::Notice,
            level,
            title: Text::clip(title),
            body: Text::clip("body"),
            project,
            link: None,
            at: UnixMillis(7),
            read_at: None,
        }
    }

    #[test]
    fn the_level_decides_the_urgency() {
        for (level, expected) in [
            (Level::Info, Urgency::Low),
            (Level::Success, Urgency::Normal),
            (Level::Warning, Urgency::Normal),
            (Level::Error, Urgency::Critical),
        ] {
            assert_eq!(Message::of(&notification("t", level, None)).urgency, expected);
        }
    }

    #[test]
    fn a_notification_leads_to_its_project() {
        let project = ProjectId::fresh();
        assert_eq!(Message::of(&notification("t", Level::Info, Some(project))).target, OpenTarget::Project { project });
        assert_eq!(Message::of(&notification("t", Level::Info, None)).target, OpenTarget::Notifications);
    }

    #[test]
    fn a_summary_counts_and_leads_to_the_notifications() {
        let message = Message::summary(7, 12);
        assert_eq!((message.summary.as_str(), message.body.as_str()), ("7 new notifications", "12 are unread in all."));
        assert_eq!(message.target, OpenTarget::Notifications);
        assert_eq!(Message::summary(7, 7).body, "");
    }

    #[test]
    fn markup_is_shown_as_it_was_written() {
        assert_eq!(escape_markup("a < b && <b>c</b>"), "a &lt; b &amp;&amp; &lt;b&gt;c&lt;/b&gt;");
    }
}
