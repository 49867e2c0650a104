//! Opening and closing: the file's rights, the lock, migrations, and what happens to a cache that cannot be read.
//!
//! A damaged cache is moved aside and begun anew: the server has everything in it but commands that were never sent.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{
    Connection as _, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Cache, CacheError, Result, get_meta, set_meta};
use crate::{client::OpenError, options::CacheLocation};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Readers at once; a window asks two or three things at a time.
const READERS: u32 = 3;
/// Another process can hold the file for a moment (a backup, say).
const BUSY: Duration = Duration::from_secs(10);

impl Cache {
    /// Opens the cache, making or mending it as needed.
    pub(crate) async fn open(location: &CacheLocation) -> Result<Self, OpenError> {
        match location {
            CacheLocation::Memory => open_memory()
                .await
                .map_err(|error| OpenError::Cache { path: PathBuf::from(":memory:"), reason: error.to_string() }),
            CacheLocation::File(path) => {
                let failed = |reason: String| OpenError::Cache { path: path.clone(), reason };
                let lock = prepare_file(path).map_err(|error| match error {
                    TryLockError::WouldBlock => OpenError::InUse(path.clone()),
                    TryLockError::Error(error) => failed(error.to_string()),
                })?;
                let (writer, readers) = match open_file(path).await {
                    Ok(pools) => pools,
                    // Full or locked is not damaged: what waits in it is sent another time.
                    Err(Unopened::Unusable(reason)) => return Err(failed(reason)),
                    Err(Unopened::Damaged(damage)) => {
                        let aside = move_aside(path).map_err(|error| failed(error.to_string()))?;
                        tracing::error!(
                            cache = %path.display(), kept_as = %aside.display(), reason = %damage,
                            "the cache cannot be read; it is kept aside and begun anew"
                        );
                        touch(path).map_err(|error| failed(error.to_string()))?;
                        open_file(path).await.map_err(|unopened| failed(unopened.to_string()))?
                    }
                };
                Ok(Self { writer, readers, lock: Mutex::new(Some(lock)) })
            }
        }
    }

    /// Closes the cache. What is not closed is merely checked at the next start.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.mark_clean().await {
            tracing::warn!(%error, "the cache could not be closed cleanly; it is checked at the next start");
        }
        self.readers.close().await;
        self.writer.close().await;
        self.lock.lock().take();
    }

    async fn mark_clean(&self) -> Result<()> {
        let mut writer = self.writer().await?;
        sqlx::query("PRAGMA optimize").execute(&mut *writer).await?;
        set_meta(&mut writer, "closed", "cleanly").await
    }
}

async fn open_memory() -> Result<Cache> {
    let options = SqliteConnectOptions::new().in_memory(true);
    // The database lives as long as its one connection.
    let pool = SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    // Nor is it looked at before each use: a caller who gives up during that would close it.
    let writer = pool.test_before_acquire(false).connect_with(options).await?;
    MIGRATIONS.run(&writer).await.map_err(sqlx::Error::from)?;
    Ok(Cache { readers: writer.clone(), writer, lock: Mutex::default() })
}

/// Why a cache's file was not opened.
#[derive(Debug, thiserror::Error)]
enum Unopened {
    /// What is in it is not a cache that this build reads.
    #[error("{0}")]
    Damaged(String),
    /// It may be all right: the disk is full, somebody else holds the file.
    #[error("{0}")]
    Unusable(String),
}

impl From<sqlx::Error> for Unopened {
    fn from(error: sqlx::Error) -> Self {
        const FULL_LOCKED_BUSY_IO_READONLY_CANTOPEN: [i32; 6] = [13, 6, 5, 10, 8, 14];
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
        // The lowest byte says what it is, the others say more closely.
        if code.is_some_and(|code| FULL_LOCKED_BUSY_IO_READONLY_CANTOPEN.contains(&(code & 0xff))) {
            Self::Unusable(error.to_string())
        } else {
            Self::Damaged(error.to_string())
        }
    }
}

impl From<MigrateError> for Unopened {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// The file with its pools, or why it cannot be used.
async fn open_file(path: &Path) -> Result<(SqlitePool, SqlitePool), Unopened> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What the server sent can be sent again; what the person did is synced by the outbox.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY);
    let one = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    // The engine ends a transaction by itself when the disk is full, and the pool is not told: such a connection would
    // refuse every transaction to come.
    let one = one.before_acquire(|db, _| Box::pin(async { Ok(!db.is_in_transaction()) }));
    let writer = one.connect_with(options.clone()).await?;
    if let Err(reason) = check(&writer).await {
        writer.close().await;
        return Err(reason);
    }
    let many = SqlitePoolOptions::new().max_connections(READERS).max_lifetime(None);
    Ok((writer, many.connect_lazy_with(options.read_only(true))))
}

/// Migrates, and after a crash looks at every page.
async fn check(writer: &SqlitePool) -> Result<(), Unopened> {
    MIGRATIONS.run(writer).await?;
    let verdict: Result<String> = async {
        let mut db = writer.acquire().await?;
        let clean = get_meta(&mut db, "closed").await?.as_deref() == Some("cleanly");
        set_meta(&mut db, "closed", "not yet").await?;
        if clean {
            return Ok("ok".to_owned());
        }
        Ok(sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *db).await?)
    }
    .await;
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(Unopened::Damaged(verdict)),
        Err(CacheError::Database(error)) => Err(error.into()),
        Err(error @ CacheError::Row(_)) => Err(Unopened::Damaged(error.to_string())),
    }
}

/// Folder and file for the owner alone, and the lock.
fn prepare_file(path: &Path) -> Result<File, TryLockError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(TryLockError::Error)?;
    }
    let lock = owners_file(&beside(path, ".lock")).map_err(TryLockError::Error)?;
    lock.try_lock()?;
    touch(path).map_err(TryLockError::Error)?;
    Ok(lock)
}

fn touch(path: &Path) -> io::Result<()> {
    owners_file(path).map(drop)
}

fn owners_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Renames the cache with its journals; one damaged cache is kept, the newest.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = beside(path, ".damaged");
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (beside(path, suffix), beside(&aside, suffix));
        match fs::rename(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // An older one's journal must not end up beside this one.
                let _ = fs::remove_file(&to);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(aside)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_no_damage_and_is_written_again_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, _) = open_file(&folder.path().join("cache.db")).await.unwrap();
        let insert = "INSERT INTO meta (key, value) VALUES (hex(randomblob(50000)), '')";
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut *tx).await.unwrap();
        let error = loop {
            if let Err(error) = sqlx::query(insert).execute(&mut *tx).await {
                break error;
            }
        };
        assert!(error.to_string().contains("full"), "{error}");
        assert!(matches!(Unopened::from(error), Unopened::Unusable(_)));
        drop(tx);
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::query(insert).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_no_database_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        fs::write(&path, "nonsense".repeat(1000)).unwrap();
        assert!(matches!(open_file(&path).await, Err(Unopened::Damaged(_))));
    }
}
