//! Promises broken on purpose, so that `cargo xtask chaos --sabotage` can show that it would notice. Only with the feature
//! `sabotage`, which no release has, and only if the environment asks for it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    env,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};
use watchbell_protocol::{Position, Room, RoomEvent};

use super::{Cache, Result, position};

/// How long the effects come after the positions …
const LATE: Duration = Duration::from_millis(40);
/// … at most this often, or nobody would keep up.
const EVERY: Duration = Duration::from_millis(80);
/// Which event is dropped: each so manieth.
const EACH: u32 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    PositionFirst,
    DropOne,
}

static CHOSEN: LazyLock<Option<Sabotage>> = LazyLock::new(|| match env::var("WATCHBELL_SABOTAGE").ok()?.as_str() {
    "position-first" => Some(Sabotage::PositionFirst),
    "drop-one" => Some(Sabotage::DropOne),
    // The others are the server's.
    _ => None,
});

/// `drop-one`: whether this event is to be skipped, its position taken for applied.
pub(super) fn drops_this_one() -> bool {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    *CHOSEN == Some(Sabotage::DropOne) && SEEN.fetch_add(1, Ordering::Relaxed) % EACH == EACH - 1
}

/// `position-first`: commits where the rooms will stand, and lets the effects wait. Whoever dies now never gets them.
pub(super) async fn positions_first(cache: &Cache, events: &[RoomEvent]) -> Result<()> {
    if *CHOSEN != Some(Sabotage::PositionFirst) {
        return Ok(());
    }
    let mut rooms: BTreeMap<Room, (Position, Position)> = BTreeMap::new();
    for event in events {
        let (Some(seq), Some(tag)) = (event.seq, event.tag) else { continue };
        if let Entry::Vacant(room) = rooms.entry(event.room)
            && let Some(at) = cache.position(event.room).await?
        {
            room.insert((at, at));
        }
        if let Some((_, at)) = rooms.get_mut(&event.room).filter(|(_, at)| seq == at.seq.next()) {
            (at.seq, at.tag) = (seq, tag);
        }
    }
    rooms.retain(|_, (before, after)| before != after);
    for (room, (_, after)) in &rooms {
        stand(cache, *room, *after).await?;
    }
    if !rooms.is_empty() && is_due() {
        sleep(LATE).await;
    }
    for (room, (before, _)) in rooms {
        stand(cache, room, before).await?;
    }
    Ok(())
}

fn is_due() -> bool {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let (mut last, now) = (LAST.lock(), Instant::now());
    let due = last.is_none_or(|last| now - last >= EVERY);
    if due {
        *last = Some(now);
    }
    due
}

async fn stand(cache: &Cache, room: Room, at: Position) -> Result<()> {
    let mut tx = cache.write().await?;
    position::advance(&mut tx, room, at.seq, at.tag).await?;
    Ok(tx.commit().await?)
}
