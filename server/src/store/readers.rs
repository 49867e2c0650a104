//! The connections that read. A pool of our own, for the engine's library asks every connection whether it is still
//! alive when it comes back: over a network that is wise, for a file it doubles the cost of a query.

use std::{
    collections::VecDeque,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Nobody waits longer for a connection: each is held for a few queries.
const LONGEST: Duration = Duration::from_secs(10);

/// Connections that read, opened when they are needed for the first time.
#[derive(Debug, Clone)]
pub(super) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: SqliteConnectOptions,
    /// The one that was used last is at the back, and is the next to be used.
    idle: Mutex<VecDeque<SqliteConnection>>,
    places: Arc<Semaphore>,
}

/// A connection that reads, for a query or a few. Each query sees a moment of its own.
#[derive(Debug)]
pub struct Look {
    /// There until this is dropped.
    conn: Option<SqliteConnection>,
    readers: Arc<Shared>,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions, most: usize) -> Self {
        let places = Arc::new(Semaphore::new(most));
        Self(Arc::new(Shared { options, idle: Mutex::default(), places }))
    }

    /// A connection, once one is free.
    pub(super) async fn look(&self) -> sqlx::Result<Look> {
        let place = timeout(LONGEST, self.0.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.0.idle.lock().pop_back();
        let conn = match idle {
            Some(conn) => conn,
            None => self.0.options.connect().await?,
        };
        Ok(self.lend(conn, place))
    }

    /// Has those that are idle give back the pages they keep: one after the other, so that nobody has to wait. One that
    /// cannot is not used again.
    pub(super) async fn give_back(&self) -> sqlx::Result<()> {
        let idle = self.0.idle.lock().len();
        for _ in 0..idle {
            let Ok(place) = self.0.places.clone().try_acquire_owned() else { break };
            let Some(conn) = self.0.idle.lock().pop_front() else { break };
            let mut look = self.lend(conn, place);
            if let Err(error) = super::give_back(&mut look).await {
                look.conn = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn lend(&self, conn: SqliteConnection, place: OwnedSemaphorePermit) -> Look {
        Look { conn: Some(conn), readers: self.0.clone(), _place: place }
    }

    /// Closes those that are idle; those at work are closed when they are done.
    pub(super) async fn close(&self) {
        self.0.places.close();
        let idle = std::mem::take(&mut *self.0.idle.lock());
        for conn in idle {
            if let Err(error) = conn.close().await {
                tracing::debug!(%error, "a connection that read was not closed cleanly");
            }
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if !self.readers.places.is_closed() {
            self.readers.idle.lock().extend(self.conn.take());
        }
    }
}

impl Deref for Look {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.conn.as_ref().expect("it is taken out by `drop` alone")
    }
}

impl DerefMut for Look {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.conn.as_mut().expect("it is taken out by `drop` alone")
    }
}

#[cfg(test)]
mod tests {
    use crate::store::{FILE_NAME, Store};

    #[tokio::test]
    async fn connections_that_gave_back_what_they_kept_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE_NAME)).await.unwrap();
        let idle = || store.readers.0.idle.lock().len();
        let one = store.look().await.unwrap();
        drop((store.look().await.unwrap(), store.look().await.unwrap()));
        assert_eq!(idle(), 2);
        store.give_back().await.unwrap();
        assert_eq!(idle(), 2, "the one at work is left alone");
        drop(one);
        let query = "SELECT count(*) FROM users";
        let mut tx = store.write().await.unwrap();
        for conn in [&mut *store.look().await.unwrap(), &mut *tx] {
            let (rows,): (i64,) = sqlx::query_as(query).fetch_one(conn).await.unwrap();
            assert_eq!(rows, 0);
        }
    }

    #[tokio::test]
    async fn a_connection_that_can_no_longer_work_is_not_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE_NAME)).await.unwrap();
        let mut look = store.look().await.unwrap();
        // Every statement of it fails from now on.
        look.lock_handle().await.unwrap().set_progress_handler(1, || panic!("for the test"));
        drop(look);
        store.give_back().await.unwrap_err();
        assert!(store.readers.0.idle.lock().is_empty());
        store.look().await.unwrap();
    }
}
