//! What the disk can do: the rows that a server wrote, copied into an empty database in plain batches.

use std::time::Instant;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use watchbell_server::store::{self, Store};

use crate::peer::Server;

/// The rows of one batch, each table by the order in which they were written.
const COPIES: [&str; 3] = [
    "INSERT INTO journal SELECT * FROM taken.journal WHERE rowid > $1 AND rowid <= $2",
    "INSERT INTO activity SELECT * FROM taken.activity WHERE rowid > $1 AND rowid <= $2",
    "INSERT INTO commands SELECT * FROM taken.commands WHERE rowid > $1 AND rowid <= $2",
];
/// What every transaction of the server also writes: the newest id, and the head of the room.
const HEADS: [&str; 2] = [
    "UPDATE meta SET value = $2 WHERE key = 'journal'",
    "INSERT INTO rooms SELECT * FROM taken.rooms WHERE $2 > $1
     ON CONFLICT (room) DO UPDATE SET seq = excluded.seq, tag = excluded.tag",
];

/// Ends the server and copies what it wrote, in as many transactions as it made; events per second.
pub async fn rate(server: Server, commits: f64) -> Result<f64> {
    let world = server.end().await?;
    let data = world.data_dir()?;
    let (written, copy) = (data.join(store::FILE_NAME), data.join("copy.db"));
    // Makes the tables.
    let store = Store::open(&copy).await?;
    store.close().await;

    // With the settings of the server's own connection, but that nothing refers to rows that are not copied.
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}", copy.display())).await?;
    let pragmas = ["journal_mode = WAL", "synchronous = FULL", "temp_store = memory", "foreign_keys = OFF"];
    for pragma in pragmas.map(|pragma| format!("PRAGMA {pragma}")) {
        sqlx::query(AssertSqlSafe(pragma)).execute(&mut conn).await?;
    }
    let events = take_into_memory(&mut conn, &written.to_string_lossy()).await?;
    let batch = (events as f64 / commits.max(1.0)).ceil().max(1.0) as i64;

    let began = Instant::now();
    let mut done = 0;
    while done < events {
        let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
        for statement in COPIES.into_iter().chain(HEADS) {
            sqlx::query(statement).bind(done).bind(done + batch).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        done += batch;
    }
    let took = began.elapsed();
    conn.close().await?;
    drop(world);
    Ok(events as f64 / took.as_secs_f64())
}

/// Reads the rows before the clock runs: an attached file would be locked and looked at by every transaction. Gives the
/// number of events.
async fn take_into_memory(conn: &mut SqliteConnection, written: &str) -> Result<i64> {
    sqlx::query("ATTACH $1 AS written").bind(written).execute(&mut *conn).await?;
    sqlx::query("ATTACH ':memory:' AS taken").execute(&mut *conn).await?;
    for copy in [
        "CREATE TABLE taken.journal AS SELECT * FROM written.journal ORDER BY id",
        "CREATE TABLE taken.activity AS SELECT * FROM written.activity ORDER BY rowid",
        "CREATE TABLE taken.commands AS SELECT * FROM written.commands ORDER BY rowid",
        "CREATE TABLE taken.rooms AS SELECT * FROM written.rooms",
        "DETACH written",
    ] {
        sqlx::query(copy).execute(&mut *conn).await?;
    }
    Ok(sqlx::query("SELECT count(*) FROM taken.activity").fetch_one(conn).await?.try_get(0)?)
}
