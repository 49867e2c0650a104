//! Reads what the programs keep on disk, past the programs: the server's journal, members' positions and caches.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use anyhow::{Context as _, Result};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use watchbell_protocol::{Epoch, Event, Position, Room, RoomEvent, Seq, Tag, UnixMillis};

use super::{journals::Entry, work::What};

/// Where a cache stands in each room; nowhere if there is no cache yet.
pub async fn positions(cache: &Path) -> Result<BTreeMap<Room, Position>> {
    if !cache.exists() {
        return Ok(BTreeMap::new());
    }
    let mut db = open(cache).await?;
    let rows: Vec<(String, u32, i64, u32)> =
        sqlx::query_as("SELECT room, epoch, seq, tag FROM rooms WHERE seq IS NOT NULL").fetch_all(&mut db).await?;
    db.close().await?;
    rows.into_iter()
        .map(|(room, epoch, seq, tag)| {
            let position = Position { epoch: Epoch(epoch), seq: Seq(seq), tag: Tag(tag) };
            Ok((room.parse().ok().context("not a room")?, position))
        })
        .collect()
}

/// The rooms of which a cache has some pages of a newer state, and not yet all: its position is still the one before.
pub async fn rebuilding(cache: &Path) -> Result<Vec<Room>> {
    if !cache.exists() {
        return Ok(Vec::new());
    }
    let mut db = open(cache).await?;
    let rooms: Vec<String> =
        sqlx::query_scalar("SELECT room FROM rooms WHERE head_epoch IS NOT NULL").fetch_all(&mut db).await?;
    db.close().await?;
    rooms.iter().map(|room| room.parse().ok().context("not a room")).collect()
}

/// The marks that a cache shows: the last of each analysis, and the newest of the feed.
pub async fn shown(cache: &Path) -> Result<Vec<String>> {
    if !cache.exists() {
        return Ok(Vec::new());
    }
    let mut db = open(cache).await?;
    let marks = sqlx::query_scalar(
        "SELECT mark FROM (SELECT json_extract(data, '$.detectors[0].reason') AS mark FROM analyses)
         WHERE mark IS NOT NULL
         UNION ALL
         SELECT mark FROM (SELECT json_extract(data, '$.what.title') AS mark FROM activity ORDER BY at DESC, id DESC LIMIT 50)
         WHERE mark IS NOT NULL",
    )
    .fetch_all(&mut db)
    .await?;
    db.close().await?;
    Ok(marks)
}

/// The heads of a server's rooms.
pub async fn heads(server: &Path) -> Result<BTreeMap<Room, (Seq, Tag)>> {
    let mut db = open(server).await?;
    let rows: Vec<(String, i64, u32)> = sqlx::query_as("SELECT room, seq, tag FROM rooms").fetch_all(&mut db).await?;
    db.close().await?;
    rows.into_iter()
        .map(|(room, seq, tag)| Ok((room.parse().ok().context("not a room")?, (Seq(seq), Tag(tag)))))
        .collect()
}

/// The ids of each room's feed, newest first.
pub type Feeds = BTreeMap<Room, Vec<String>>;

/// A server's whole journal, and the feeds that it adds up to.
pub async fn journal(server: &Path) -> Result<(Vec<Entry>, Feeds)> {
    let mut db = open(server).await?;
    let rows: Vec<(String, i64, u32, String)> =
        sqlx::query_as("SELECT room, seq, tag, body FROM journal ORDER BY room, seq").fetch_all(&mut db).await?;
    db.close().await?;
    let mut entries = Vec::with_capacity(rows.len());
    let mut feeds: BTreeMap<Room, Vec<_>> = BTreeMap::new();
    for (room, seq, tag, body) in rows {
        let room = room.parse().ok().context("not a room")?;
        let event = serde_json::from_str::<RoomEvent>(&body)?.event;
        if let Event::ActivityNew(new) = &event {
            feeds.entry(room).or_default().push((new.activity.at, new.activity.id.to_string()));
        }
        entries.push(Entry { room, seq: Seq(seq), tag: Tag(tag), what: What::of(&event) });
    }
    let newest_first = |mut feed: Vec<(UnixMillis, String)>| {
        feed.sort_by(|a, b| b.cmp(a));
        feed.into_iter().map(|(_, id)| id).collect()
    };
    Ok((entries, feeds.into_iter().map(|(room, feed)| (room, newest_first(feed))).collect()))
}

/// What a cache holds, table by table: a row is its key and what is to be compared.
#[derive(Debug, Default)]
pub struct Contents(BTreeMap<&'static str, BTreeMap<String, String>>);

/// What is compared. Members without `last_seen`, which is told by presence only.
const TABLES: [(&str, &str); 6] = [
    ("projects", "SELECT id, data FROM projects"),
    ("members", "SELECT user, json_remove(data, '$.last_seen') FROM members"),
    ("analyses", "SELECT id, data FROM analyses"),
    ("issues", "SELECT analysis || ' ' || fingerprint, data FROM issues"),
    ("activity", "SELECT id, data FROM activity"),
    ("notifications", "SELECT id, data || ' ' || coalesce(read_at, 0) FROM notifications"),
];

/// Entries of the feed that a cache holds at least, if there are so many, …
pub const FEED: usize = 1000;
/// … and one that was rebuilt from the state.
pub const REBUILT_FEED: usize = 200;

impl Contents {
    /// Reads a cache.
    pub async fn read(cache: &Path) -> Result<Self> {
        let mut db = open(cache).await?;
        let mut contents = Self::default();
        for (table, sql) in TABLES {
            let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut db).await?;
            contents.0.insert(table, rows.into_iter().collect());
        }
        db.close().await?;
        Ok(contents)
    }

    fn table(&self, name: &str) -> &BTreeMap<String, String> {
        &self.0[name]
    }

    /// How this cache, which lived through everything, differs from one that was filled from the state just now, and
    /// from the feeds that the journal adds up to, of which it has to have the newest `held`.
    pub fn differences(&self, fresh: &Self, feeds: &Feeds, held: usize) -> Vec<String> {
        let mut differences = Vec::new();
        for (table, _) in TABLES {
            let own = self.table(table);
            for (key, value) in fresh.table(table) {
                match own.get(key) {
                    Some(own) if own == value => {}
                    Some(own) => differences.push(format!("{table} {key} is {own}, should be {value}")),
                    // Issues are kept of fewer analyses than a new device gets them of.
                    None if table == "issues" && !self.keeps_issues_of(key) => {}
                    None => differences.push(format!("{table} {key} is missing: {value}")),
                }
            }
        }
        let own = self.table("activity");
        let belongs =
            |room: &Room| matches!(room, Room::Project(id) if self.table("projects").contains_key(&id.to_string()));
        let feed = feeds.iter().filter(|(room, _)| belongs(room)).flat_map(|(_, feed)| feed.iter().take(held));
        let missing = feed.filter(|id| !own.contains_key(*id));
        differences.extend(missing.map(|id| format!("the entry {id} of the feed is missing")));
        let happened: HashSet<&String> = feeds.values().flatten().collect();
        let invented = own.keys().filter(|id| !happened.contains(id));
        differences.extend(invented.map(|id| format!("the feed shows {id}, which no journal has (any more)")));
        differences
    }

    /// Whether the cache has issues of the analysis of this row at all.
    fn keeps_issues_of(&self, key: &str) -> bool {
        let analysis = key.split(' ').next().unwrap_or_default();
        self.table("issues").range(analysis.to_owned()..).next().is_some_and(|(key, _)| key.starts_with(analysis))
    }
}

async fn open(file: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.with_context(|| format!("cannot read {}", file.display()))
}
