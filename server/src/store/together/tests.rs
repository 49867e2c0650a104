//! Many ask at once: each gets its own, of the moment it asked at or later.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::{sync::Semaphore, time::Instant};
use watchbell_protocol::{
    DeviceId, ProjectId, Room, Seq, Tag, Text, UnixMillis, UserId,
    event::{DeviceKind, Project, Role},
    http::Account,
};

use super::*;
use crate::{
    auth::FamilyId,
    store::{
        self, FILE_NAME, READERS, Store,
        journal::{Mark, Row},
        project::Membership,
    },
};

/// How often [`Twice`] was asked for.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Twice a number; nothing of 7, a failure of -1, and a defect is met by -2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Twice(i64);

impl Wish for Twice {
    type Found = Option<i64>;

    fn queue(_: &Together) -> &Queue<Self> {
        unreachable!("its queue is the test's own")
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Option<i64>>> {
        assert!((1..=AT_ONCE).contains(&wishes.len()), "{} at once", wishes.len());
        ASKED.fetch_add(1, Ordering::Relaxed);
        let mut found = BTreeMap::new();
        for wish in wishes {
            let (twice,): (i64,) = sqlx::query_as("SELECT 2 * $1").bind(wish.0).fetch_one(&mut *conn).await?;
            match wish.0 {
                7 => {}
                -1 => return Err(sqlx::Error::RowNotFound),
                -2 => panic!("a defect, on purpose"),
                _ => assert!(found.insert(*wish, Some(twice)).is_none()),
            }
        }
        Ok(found)
    }
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(FILE_NAME)).await.unwrap();
    (folder, store)
}

#[tokio::test]
async fn many_at_once_are_asked_for_as_few_and_each_gets_its_own() {
    let (_folder, store) = store().await;
    let queue = Queue::start(&store.readers);
    let found = join_all((1..=1000).map(|number| queue.find(Twice(number)))).await;
    for (number, found) in (1..=1000).zip(found) {
        assert_eq!(found.unwrap(), (number != 7).then_some(2 * number));
    }
    let asked = ASKED.load(Ordering::Relaxed);
    assert!((1000 / AT_ONCE..100).contains(&asked), "1000 were asked for in {asked} pieces");

    // What is wrong with some is told to them alone, and nobody waits for ever after a defect.
    let found = join_all([3, -1, 5, -2, 7].map(|number| queue.find(Twice(number)))).await;
    assert!(
        matches!(
            found[..],
            [Ok(Some(6)), Err(sqlx::Error::RowNotFound), Ok(Some(10)), Err(sqlx::Error::WorkerCrashed), Ok(None)]
        ),
        "{found:?}"
    );
    assert_eq!(queue.find(Twice(3)).await.unwrap(), Some(6));

    // Whoever goes away takes nothing from the others.
    let (mut gone, stays) = (Box::pin(queue.find(Twice(4))), queue.find(Twice(5)));
    assert!(futures_util::poll!(&mut gone).is_pending());
    drop(gone);
    assert_eq!(stays.await.unwrap(), Some(10));

    store.close().await;
    assert!(matches!(queue.find(Twice(3)).await, Err(sqlx::Error::PoolClosed)));
}

#[tokio::test]
async fn nobody_waits_for_ever_for_a_connection() {
    let (_folder, store) = store().await;
    let mut taken = Vec::new();
    for _ in 0..READERS {
        taken.push(store.look().await.unwrap());
    }
    let wish = || store.find(HeadOf(Room::User(UserId::fresh())));
    // From here on nothing is asked of another thread, so the clock may run ahead.
    tokio::time::pause();
    let since = Instant::now();
    let found = join_all((0..3 * AT_ONCE).map(|_| wish())).await;
    assert!(found.iter().all(|found| matches!(found, Err(sqlx::Error::PoolTimedOut))), "{found:?}");
    assert_eq!(since.elapsed().as_secs(), LONGEST.as_secs(), "each waits for its own, not for those before");
    tokio::time::resume();
    drop(taken);
    wish().await.unwrap();
}

/// What there is of [`Gated`], and what opens its gate.
static THERE: AtomicUsize = AtomicUsize::new(1);
static ENTERED: Semaphore = Semaphore::const_new(0);
static GATE: Semaphore = Semaphore::const_new(0);

/// Is what it was when it was looked at; told only when the gate opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Gated;

impl Wish for Gated {
    type Found = usize;

    fn queue(_: &Together) -> &Queue<Self> {
        unreachable!("its queue is the test's own")
    }

    async fn find(_: &mut Conn, _: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, usize>> {
        let there = THERE.load(Ordering::Relaxed);
        ENTERED.add_permits(1);
        GATE.acquire().await.unwrap().forget();
        Ok(BTreeMap::from([(Self, there)]))
    }
}

#[tokio::test]
async fn whoever_asks_while_it_is_being_read_gets_what_is_read_after() {
    let (_folder, store) = store().await;
    let queue = Queue::start(&store.readers);
    let mut before = Box::pin(queue.find(Gated));
    assert!(futures_util::poll!(&mut before).is_pending());
    ENTERED.acquire().await.unwrap().forget();
    THERE.store(2, Ordering::Relaxed);
    let mut after = Box::pin(queue.find(Gated));
    assert!(futures_util::poll!(&mut after).is_pending());
    GATE.add_permits(2);
    assert_eq!((before.await.unwrap(), after.await.unwrap()), (1, 2));
}

/// A member for each name, the first in project `a`, the second in `b` and `a`, the third disabled and in `a`.
async fn members(store: &Store) -> ([UserId; 4], [Project; 2]) {
    let ids = [(); 4].map(|()| UserId::fresh());
    let projects =
        ["b", "a"].map(|name| Project { id: ProjectId::fresh(), name: Text::clip(name), created_at: UnixMillis(1) });
    let mut tx = store.write().await.unwrap();
    for (number, id) in ids.iter().enumerate().take(3) {
        let account = Account { id: *id, name: Text::clip(number.to_string()), display_name: Text::clip("A") };
        store::accounts::insert(&mut tx, &account, "unused", UnixMillis(0)).await.unwrap();
    }
    for project in &projects {
        store::project::insert(&mut tx, project).await.unwrap();
    }
    let [b, a] = [projects[0].id, projects[1].id];
    for (project, member, seq) in [(a, 0, 1), (b, 1, 2), (a, 1, 3), (a, 2, 4)] {
        store::project::admit(&mut tx, project, ids[member], Role::Admin, Seq(seq)).await.unwrap();
    }
    let head = Mark { seq: Seq(9), tag: Tag(8) };
    store::journal::set_heads(&mut tx, &BTreeMap::from([(Room::Project(a), head)])).await.unwrap();
    store::accounts::set_disabled(&mut tx, ids[2], Some(UnixMillis(5))).await.unwrap();
    tx.commit().await.unwrap();
    (ids, projects)
}

#[tokio::test]
async fn each_member_has_their_own_standing_and_projects() {
    let (_folder, store) = store().await;
    let (ids, [b, a]) = members(&store).await;
    let admin = |seq| Some(Membership { role: Role::Admin, admitted: Seq(seq) });
    let head = Mark { seq: Seq(9), tag: Tag(8) };
    let expected = [
        (0, a.id, (admin(1), head)),
        (1, a.id, (admin(3), head)),
        (1, b.id, (admin(2), Mark::default())),
        (0, b.id, (None, Mark::default())),
        (2, a.id, (None, head)), // disabled
        (3, a.id, (None, head)), // unknown
        (0, ProjectId::fresh(), (None, Mark::default())),
    ];
    let asked = expected.map(|(who, project, _)| store.find(StandingOf { member: ids[who], project }));
    for (found, (who, project, expected)) in join_all(asked).await.into_iter().zip(expected) {
        assert_eq!(found.unwrap(), expected, "{who} in {project}");
    }
    let projects = join_all(ids.map(|id| store.find(ProjectsOf(id)))).await;
    let projects: Vec<Vec<Project>> = projects.into_iter().map(Result::unwrap).collect();
    assert_eq!(projects, [vec![a.clone()], vec![a.clone(), b], vec![a], vec![]], "by name");
}

#[tokio::test]
async fn a_sign_in_is_found_with_what_became_of_it() {
    let (_folder, store) = store().await;
    let (ids, _) = members(&store).await;
    let mut tx = store.write().await.unwrap();
    let [open, ended, unknown] = [(); 3].map(|()| FamilyId::fresh());
    let device = DeviceId::fresh();
    for id in [open, ended] {
        let new = store::accounts::NewSignIn {
            id,
            user: ids[1],
            password_hash: "unused",
            device,
            device_kind: DeviceKind::Cli,
            device_name: "a machine",
            nonce: &[7; 16],
            expires_at: UnixMillis(100),
        };
        assert!(store::accounts::insert_sign_in(&mut tx, &new, UnixMillis(1)).await.unwrap());
    }
    store::accounts::revoke(&mut tx, ended, UnixMillis(50)).await.unwrap();
    tx.commit().await.unwrap();
    let found = join_all([open, ended, unknown].map(|id| store.find(SignInOf(id)))).await;
    let [open, ended, unknown] = found.try_into().unwrap();
    let (open, ended) = (open.unwrap().unwrap(), ended.unwrap().unwrap());
    assert_eq!((open.account.id, open.device, open.disabled_at, open.revoked_at), (ids[1], device, None, None));
    assert_eq!((ended.account.name.as_str(), ended.revoked_at), ("1", Some(UnixMillis(50))));
    assert!(unknown.unwrap().is_none());
}

#[tokio::test]
async fn an_event_that_is_not_in_the_journal_has_no_mark() {
    let (_folder, store) = store().await;
    let [full, empty] = [(); 2].map(|()| Room::User(UserId::fresh()));
    let row = |seq| Row { id: seq, room: full, seq: Seq(seq), tag: Tag(u32::MAX - seq as u32), body: "{}".into() };
    let mut tx = store.write().await.unwrap();
    let rows: Vec<_> = (3..=5).map(|seq| (row(seq), UnixMillis(0))).collect();
    store::journal::insert(&mut tx, &rows).await.unwrap();
    tx.commit().await.unwrap();
    let asked = [(full, 3), (full, 5), (full, 2), (full, 6), (empty, 3)];
    let found = join_all(asked.map(|(room, seq)| store.find(TagOf { room, seq: Seq(seq) }))).await;
    let found: Vec<Option<Tag>> = found.into_iter().map(Result::unwrap).collect();
    assert_eq!(found, [Some(Tag(u32::MAX - 3)), Some(Tag(u32::MAX - 5)), None, None, None]);
}
