//! The file: whose it is, what survives a restart, and what happens to one that cannot be read.

use super::*;

#[tokio::test]
async fn another_account_finds_nothing_of_the_first() {
    let mut fixture = Fixture::new().await;
    assert!(!fixture.cache.claim("mia").await.unwrap());
    let notification = fixture.notified().await;
    fixture.asks(fixture.own(), NotificationReadAll { through: notification.seq }).await;
    assert!(!fixture.cache.claim("mia").await.unwrap());
    assert_eq!(fixture.cache.waiting().await.unwrap(), 1);
    assert!(fixture.cache.claim("noah").await.unwrap());
    assert_eq!(fixture.cache.waiting().await.unwrap(), 0);
    assert!(fixture.cache.projects().await.unwrap().is_empty());
    assert!(fixture.cache.positions().await.unwrap().is_empty());
}

#[tokio::test]
async fn everything_survives_a_restart_and_only_one_client_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let location = CacheLocation::File(folder.path().join("deep/er/cache.db"));
    let mut fixture = Fixture::on(&location).await;
    let notification = fixture.notified().await;
    fixture.asks(fixture.own(), NotificationReadAll { through: notification.seq }).await;
    assert!(matches!(Cache::open(&location).await, Err(OpenError::InUse(_))));
    let position = fixture.cache.position(fixture.own()).await.unwrap();
    fixture.cache.close().await;

    let cache = Cache::open(&location).await.unwrap();
    assert_eq!(cache.waiting().await.unwrap(), 1);
    assert_eq!(cache.queued(0, 10).await.unwrap().len(), 1);
    assert_eq!(cache.unread().await.unwrap(), 0);
    assert_eq!(cache.position(Room::User(fixture.me)).await.unwrap(), position);
}

fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let end = (at + 4096).min(bytes.len());
    bytes[at..end].fill(0x5a);
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_damaged_cache_is_kept_aside_and_begun_anew() {
    for at in [0, 8192] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.db");
        let location = CacheLocation::File(path.clone());
        let mut fixture = Fixture::on(&location).await;
        fixture.notified().await;
        fixture.cache.close().await;
        // As after a crash: the next start looks at every page.
        let cache = Cache::open(&location).await.unwrap();
        cache.readers.close().await;
        cache.writer.close().await;
        drop(cache);
        damage(&path, at);

        let cache = Cache::open(&location).await.unwrap();
        assert!(cache.positions().await.unwrap().is_empty(), "damaged at {at}");
        assert_eq!(cache.unread().await.unwrap(), 0);
        assert!(folder.path().join("cache.db.damaged").exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let _cache = Cache::open(&CacheLocation::File(path.clone())).await.unwrap();
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
}
