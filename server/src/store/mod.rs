//! Everything on disk: the journal, the state, the ids of applied commands.
//!
//! The queries are one file per domain. They are plain SQL but for lists, which are this engine's (`json_each`,
//! `json_group_array`); what else is its own is in this file alone. One connection writes, others read. A commit is on the
//! disk when it returns (`synchronous = FULL`): acknowledged means kept.
//!
//! Many rows are written by statements of few sizes ([`portions`]), and looked up by one list ([`list`]).
//!
//! Limits are written `LIMIT $n + 0`: the engine looks at a bare parameter there while it plans, and so plans anew each time.

pub mod accounts;
pub mod activity;
pub mod analysis;
pub mod api_tokens;
mod codec;
pub mod command;
pub mod issue;
pub mod journal;
pub mod notification;
pub mod project;
mod readers;
pub mod state;
mod together;
mod writes;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Connection as _, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use watchbell_protocol::Epoch;

pub use self::{readers::Look, together::Wish, writes::Writes};
use self::{readers::Readers, together::Together};

/// A connection inside or outside a transaction; what queries take.
pub type Conn = SqliteConnection;
/// A transaction.
pub type Tx = Transaction<'static, Sqlite>;

/// The name of the database inside the data folder.
pub const FILE_NAME: &str = "watchbell.db";

/// Connections that read. A query takes well under a millisecond; more would only wait for the same two cores.
const READERS: usize = 8;
/// How long a statement waits for a lock that another process holds.
const BUSY: Duration = Duration::from_secs(5);

/// Statements that a connection keeps planned: more than there are.
const PLANNED: usize = 200;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: Readers,
    together: Together,
    epoch: Epoch,
    /// Where the engine writes what is not in the file yet.
    log: PathBuf,
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version of the server has changed it.
    #[error(
        "the database has migration {found}, this watchbell-server knows them up to {known}: start the version that \
         wrote it, or a later one"
    )]
    Newer {
        /// The newest migration in the database.
        found: i64,
        /// The newest migration of this build.
        known: i64,
    },
    /// A migration failed, or an applied one was changed.
    #[error("the database could not be brought up to date")]
    Migrate(#[source] MigrateError),
    /// The engine refused.
    #[error("the database could not be opened")]
    Database(#[from] sqlx::Error),
}

impl Store {
    /// Opens the file, which is made if it is not there, and brings its tables up to date.
    pub async fn open(file: &Path) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            // Where a statement keeps what it may have to take back: otherwise each large one makes a file.
            .pragma("temp_store", "memory")
            .statement_cache_capacity(PLANNED);
        let writer = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let writer = writer.test_before_acquire(false);
        // The engine may end a transaction by itself when the disk is full, and the pool is not told: such a connection
        // would refuse every transaction to come.
        let writer = writer.before_acquire(|conn, _| Box::pin(async { Ok(!conn.is_in_transaction()) }));
        let writer = writer.connect_with(options.clone()).await?;
        migrate(&writer).await?;
        let epoch = epoch(&writer).await?;
        let readers = Readers::new(options.read_only(true), READERS);
        let together = Together::start(&readers);
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let log = PathBuf::from(log);
        Ok(Self { writer, readers, together, epoch, log })
    }

    /// The life of the journals in this database.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Begins a transaction that writes. It holds the only writer: no network, no hashing inside.
    pub async fn write(&self) -> sqlx::Result<Tx> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// A connection that reads. Each query sees a moment of its own.
    pub async fn look(&self) -> sqlx::Result<Look> {
        self.readers.look().await
    }

    /// What there is of something, asked for together with what others ask for at this moment. Read after this is called.
    pub async fn find<W: Wish>(&self, wish: W) -> sqlx::Result<W::Found> {
        W::queue(&self.together).find(wish).await
    }

    /// Tells whether anybody wrote, for one who looks again and again.
    pub fn writes(&self) -> Writes {
        Writes::new(self.log.clone())
    }

    /// Has the pages of the file that are in memory given back. The system keeps them as well, so that the next queries cost
    /// hardly more. One connection does it for all: the engine is built to keep what they read together
    /// (<https://sqlite.org/compile.html#enable_memory_management>).
    pub async fn give_back(&self) -> sqlx::Result<()> {
        sqlx::query("PRAGMA shrink_memory").execute(&mut *self.look().await?).await?;
        Ok(())
    }

    /// Closes the database after what is under way.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Whether a statement failed because there was no room for what it writes, or the disk failed: a later try may succeed.
pub fn is_out_of_room(error: &sqlx::Error) -> bool {
    // https://sqlite.org/rescode.html: the low byte is the primary code, here NOMEM, IOERR and FULL.
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 7 | 10 | 13))
}

/// Rows that one statement writes, at most.
const PORTION: usize = 128;

/// Cuts rows into portions, each for one statement that writes them: of few sizes, so that few statements serve every
/// number of rows, and each is planned once.
fn portions<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    const STEP: usize = 16;
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = match left.len() {
            0 => return None,
            few @ 1..STEP => few,
            many => many.min(PORTION) / STEP * STEP,
        };
        let (portion, rest) = left.split_at(size);
        left = rest;
        Some(portion)
    })
}

/// What a query found that takes its wishes as one JSON list and gives one back; nothing is asked if there are none. However
/// much it is, that is one statement and one row: each row is handed from thread to thread, which costs more than to find
/// it.
async fn list<T: DeserializeOwned>(
    conn: &mut Conn,
    query: &'static str,
    wishes: &BTreeSet<impl Serialize>,
) -> sqlx::Result<Vec<T>> {
    if wishes.is_empty() {
        return Ok(Vec::new());
    }
    let row = sqlx::query(query).bind(codec::to_json(wishes)?).fetch_one(conn).await?;
    codec::json(&row, "list")
}

async fn migrate(pool: &SqlitePool) -> Result<(), OpenError> {
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => {
            OpenError::Newer { found, known: MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0) }
        }
        error => OpenError::Migrate(error),
    })
}

/// The epoch, drawn at random the first time.
async fn epoch(pool: &SqlitePool) -> sqlx::Result<Epoch> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("INSERT INTO meta (key, value) VALUES ('epoch', $1) ON CONFLICT (key) DO NOTHING")
        .bind(i64::from(rand::random::<u32>()))
        .execute(&mut *tx)
        .await?;
    let (epoch,): (i64,) = sqlx::query_as("SELECT value FROM meta WHERE key = 'epoch'").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(Epoch(epoch as u32))
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{Text, UnixMillis, UserId, http::Account};

    use super::*;

    #[test]
    fn any_number_of_rows_is_written_in_portions_of_few_sizes() {
        let mut sizes = BTreeSet::new();
        for count in 0..1000 {
            let rows: Vec<usize> = (0..count).collect();
            let portions: Vec<&[usize]> = portions(&rows).collect();
            assert_eq!(portions.concat(), rows);
            assert!(portions.len() <= 2 + count / PORTION, "{count}");
            sizes.extend(portions.into_iter().map(<[usize]>::len));
        }
        assert_eq!((sizes.len(), sizes.last()), (23, Some(&PORTION)));
    }

    #[tokio::test]
    async fn a_list_of_any_length_finds_each_row_that_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE_NAME)).await.unwrap();
        let ids: Vec<UserId> = (0..1000).map(|_| UserId::fresh()).collect();
        let mut tx = store.write().await.unwrap();
        for (number, id) in ids.iter().enumerate().take(500) {
            let name = Text::clip(number.to_string());
            let account = Account { id: *id, name, display_name: Text::clip("A".to_owned()) };
            assert!(accounts::insert(&mut tx, &account, "unused", UnixMillis(0)).await.unwrap());
        }
        let query = "SELECT json_group_array(id) AS list FROM users WHERE id IN (SELECT value FROM json_each($1))";
        let wishes: BTreeSet<_> = ids.iter().collect();
        let found: Vec<UserId> = list(&mut tx, query, &wishes).await.unwrap();
        assert_eq!(found.len(), 500);
        assert_eq!(BTreeSet::from_iter(found), ids[..500].iter().copied().collect());
        let others: BTreeSet<_> = ids[500..].iter().collect();
        assert_eq!(list::<UserId>(&mut tx, query, &others).await.unwrap(), []);
        assert_eq!(list::<UserId>(&mut tx, "is not asked", &BTreeSet::<UserId>::new()).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_disk_that_was_full_is_written_again_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE_NAME)).await.unwrap();
        let insert = "INSERT INTO meta (key, value) VALUES (hex(randomblob(50000)), 1)";
        let mut tx = store.write().await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await.unwrap();
        let full = loop {
            if let Err(error) = sqlx::query(insert).execute(&mut *tx).await {
                break error;
            }
        };
        assert!(full.to_string().contains("full"), "{full}");
        tx.rollback().await.unwrap_err();
        let mut tx = store.write().await.unwrap();
        sqlx::query(insert).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}
