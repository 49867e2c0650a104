//! The way from Rust to the window: one channel, changes in batches, and a snapshot whenever a page begins anew.
//!
//! The page can be reloaded at any moment: it subscribes again, and the first batch of the new channel begins with a
//! fresh snapshot. Deliberately absent: answers to what the window asks; those are the commands' own.

mod batch;

use std::{future::Future, time::Duration};

use tauri::ipc::Channel;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use crate::view::{AppChange, Snapshot};

/// The shortest time between two batches.
const PACE: Duration = Duration::from_millis(50);
/// Changes that may wait for the bridge; it only hands them on, so more would be a stuck webview.
const WAITING: usize = 1024;

/// The typed channel of a page.
pub type Page = Channel<Vec<AppChange>>;

/// Everything that can wake the bridge but its own clock.
enum Event {
    Change(AppChange),
    Subscribe(Page),
}

/// The sending end.
#[derive(Clone)]
pub struct Bridge(mpsc::Sender<Event>);

/// The end that [`run`] works on.
pub struct Inbox(mpsc::Receiver<Event>);

/// A bridge that is not yet open.
pub fn bridge() -> (Bridge, Inbox) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Bridge(sender), Inbox(receiver))
}

impl Bridge {
    /// Sends a change to the page, if there is one. Waits while the bridge is behind.
    pub async fn send(&self, change: AppChange) {
        let _ = self.0.send(Event::Change(change)).await; // the bridge ends only with the app
    }

    /// Makes `page` the one that receives; the page before it receives nothing more.
    pub async fn subscribe(&self, page: Page) {
        let _ = self.0.send(Event::Subscribe(page)).await;
    }
}

/// Carries changes to the page until `stop`. `snapshot` is asked for after a page is taken on: what changes meanwhile
/// waits behind it, so nothing is missed in between.
pub async fn run<S, F>(Inbox(mut inbox): Inbox, snapshot: S, stop: CancellationToken)
where
    S: Fn() -> F,
    F: Future<Output = Snapshot>,
{
    let mut page: Option<Page> = None;
    let mut batch = Batch::default();
    let mut send_at = Instant::now();
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(send_at), if page.is_some() && !batch.is_empty() => {
                send(&mut page, &mut batch);
                send_at = Instant::now() + PACE;
                continue;
            }
            event = inbox.recv() => event,
        };
        match event {
            None => return,
            Some(Event::Subscribe(next)) => {
                page = Some(next);
                batch.push(AppChange::Snapshot(Box::new(snapshot().await)));
                send_at = Instant::now();
            }
            // Without a page only a click is kept: all else is in the snapshot that the next page begins with.
            Some(Event::Change(change)) if page.is_some() || matches!(change, AppChange::Open(_)) => batch.push(change),
            Some(Event::Change(_)) => {}
        }
        if batch.is_full() {
            send(&mut page, &mut batch);
        }
    }
}

fn send(page: &mut Option<Page>, batch: &mut Batch) {
    let Some(open) = page else { return };
    if let Err(error) = open.send(batch.take()) {
        tracing::warn!(%error, "the page cannot be reached; it will subscribe again");
        *page = None;
    }
}

#[cfg(test)]
mod tests {
    use tauri::ipc::InvokeResponseBody;
    use watchbell_client::change::Change;

    use super::*;
    use crate::view::{KeyringState, OpenTarget, PopupState, Session};

    async fn empty_snapshot() -> Snapshot {
        Snapshot {
            version: "0".into(),
            session: Session::SignedOut { address: String::new(), name: String::new(), reason: None },
            keyring: KeyringState::Empty,
            popups: PopupState::Unknown,
            connection: None,
            projects: Vec::new(),
            unread: 0,
        }
    }

    fn page() -> (Page, mpsc::Receiver<Vec<AppChange>>) {
        let (sender, receiver) = mpsc::channel(16);
        let page = Channel::new(move |body| {
            let InvokeResponseBody::Json(json) = body else { panic!("a batch is JSON") };
            sender.try_send(serde_json::from_str(&json).unwrap()).unwrap();
            Ok(())
        });
        (page, receiver)
    }

    fn unread(unread: u32) -> AppChange {
        AppChange::Client(Box::new(Change::Notifications { unread }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_begins_with_a_snapshot_and_then_gets_the_latest_once_per_pace() {
        let (bridge, inbox) = bridge();
        tokio::spawn(run(inbox, empty_snapshot, CancellationToken::new()));
        let (first, mut batches) = page();
        bridge.subscribe(first).await;
        let began = Instant::now();
        assert!(matches!(batches.recv().await.unwrap()[..], [AppChange::Snapshot(_)]));
        for count in 1..=100 {
            bridge.send(unread(count)).await;
        }
        assert_eq!(batches.recv().await.unwrap(), [unread(100)]);
        assert!(began.elapsed() >= PACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reloaded_page_takes_over_with_a_fresh_snapshot() {
        let (bridge, inbox) = bridge();
        tokio::spawn(run(inbox, empty_snapshot, CancellationToken::new()));
        let (first, mut old) = page();
        bridge.subscribe(first).await;
        old.recv().await.unwrap();
        let (second, mut new) = page();
        bridge.subscribe(second).await;
        assert!(matches!(new.recv().await.unwrap()[..], [AppChange::Snapshot(_)]));
        bridge.send(unread(3)).await;
        assert_eq!(new.recv().await.unwrap(), [unread(3)]);
        assert_eq!(old.recv().await, None, "the old page's channel is dropped");
    }

    #[tokio::test(start_paused = true)]
    async fn a_click_waits_for_the_first_page() {
        let (bridge, inbox) = bridge();
        tokio::spawn(run(inbox, empty_snapshot, CancellationToken::new()));
        bridge.send(unread(1)).await;
        bridge.send(AppChange::Open(OpenTarget::Notifications)).await;
        let (first, mut batches) = page();
        bridge.subscribe(first).await;
        let batch = batches.recv().await.unwrap();
        assert!(matches!(batch[..], [AppChange::Snapshot(_), AppChange::Open(_)]), "{batch:?}");
    }
}
