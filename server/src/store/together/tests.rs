//! Many ask at once: each gets its own, of the moment it asked at or later.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use watchbell_protocol::{
    DeviceId, NotificationId, ProjectId, Room, Seq, Tag, Text, UnixMillis, UserId,
    event::{DeviceKind, Level, Link, Notification, NotificationKind, Project, Role},
    http::Account,
};

use super::*;
use crate::{
    auth::FamilyId,
    store::{self, FILE_NAME, Store, journal::Mark, project::Membership},
};

/// How often the twin of a number was asked for.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Twice a number; a failure if one that is not positive is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Twice(i64);

impl Wish for Twice {
    type Found = Option<i64>;
    const AT_ONCE: usize = 50;

    fn queue(_: &Together) -> &Queue<Self> {
        unreachable!("its queue is the test's own")
    }

    async fn find(conn: &mut Conn, wishes: &BTreeSet<Self>) -> sqlx::Result<BTreeMap<Self, Option<i64>>> {
        assert!((1..=Self::AT_ONCE).contains(&wishes.len()), "{} at once", wishes.len());
        ASKED.fetch_add(1, Ordering::Relaxed);
        let mut found = BTreeMap::new();
        for wish in wishes {
            let (twice,): (i64,) = sqlx::query_as("SELECT 2 * $1").bind(wish.0).fetch_one(&mut *conn).await?;
            if twice <= 0 {
                return Err(sqlx::Error::RowNotFound);
            }
            found.insert(*wish, (twice != 14).then_some(twice));
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
    assert!((1000 / Twice::AT_ONCE..100).contains(&asked), "1000 were asked for in {asked} pieces");

    // One that fails is told to all who asked with it, and to nobody after.
    let found = join_all([3, -1, 5].map(|number| queue.find(Twice(number)))).await;
    for told in found.into_iter().map(|found| found.unwrap_err().to_string()) {
        assert!(told.ends_with(&sqlx::Error::RowNotFound.to_string()), "{told}");
    }
    assert_eq!(queue.find(Twice(3)).await.unwrap(), Some(6));

    // Whoever goes away takes nothing from the others.
    let (mut gone, stays) = (Box::pin(queue.find(Twice(4))), queue.find(Twice(5)));
    assert!(futures_util::poll!(&mut gone).is_pending());
    drop(gone);
    assert_eq!(stays.await.unwrap(), Some(10));

    store.close().await;
    queue.find(Twice(3)).await.unwrap_err();
}

#[tokio::test]
async fn what_was_written_before_it_was_asked_for_is_found() {
    let (_folder, store) = store().await;
    let room = Room::User(UserId::fresh());
    for number in 1..100 {
        // Somebody asks all the time.
        let other = tokio::spawn({
            let store = store.clone();
            async move { store.find(store::journal::HeadOf(room)).await }
        });
        let head = Mark { seq: Seq(number), tag: Tag(7) };
        let mut tx = store.write().await.unwrap();
        store::journal::set_heads(&mut tx, &BTreeMap::from([(room, head)])).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.find(store::journal::HeadOf(room)).await.unwrap(), head);
        assert!(other.await.unwrap().unwrap().seq.0 >= number - 1);
    }
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
async fn of_many_notifications_each_member_gets_the_newest_of_their_own() {
    let (_folder, store) = store().await;
    let (ids, [project, _]) = members(&store).await;
    let made = |number: i64| Notification {
        id: NotificationId::fresh(),
        seq: Seq(number),
        kind: NotificationKind::Notice,
        level: Level::Error,
        title: Text::clip("\"quoted\" \u{1f514}"),
        body: Text::clip(""),
        project: (number % 2 == 0).then_some(project.id),
        link: (number % 2 == 1).then(|| Link::Url { url: Text::clip("https://example.org/?a=\"b\"") }),
        at: UnixMillis(number),
        read_at: (number % 3 == 0).then_some(UnixMillis(number)),
    };
    let many: Vec<Notification> = (1..=1100).map(made).collect();
    let mut tx = store.write().await.unwrap();
    for notification in &many {
        store::notification::insert(&mut tx, ids[0], notification).await.unwrap();
    }
    let other = made(5);
    store::notification::insert(&mut tx, ids[1], &other).await.unwrap();
    tx.commit().await.unwrap();
    let asked = [(0, 0), (0, 1099), (1, 0), (1, 6), (2, 0)];
    let asked = asked.map(|(who, since)| store.find(NewestOf { member: ids[who], since: UnixMillis(since) }));
    let found: Vec<Vec<Notification>> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(found, [many[100..].to_vec(), many[1098..].to_vec(), vec![other], vec![], vec![]]);
}
