//! What is deleted with time, and what is not.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Answer, PASSWORD, Server};
use serde_json::json;
use watchbell_protocol::{CommandId, ProjectId, UnixMillis, event::Role, limits::COMMAND_IDS_KEPT};
use watchbell_server::ingest::{AdminCommand, admin};

const HOUR: Duration = Duration::from_hours(1);

fn now(server: &Server) -> UnixMillis {
    server.app.clock.now()
}

/// Runs statements that take no values.
async fn sql(server: &Server, statement: &'static str) {
    let mut tx = server.app.store.write().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn count(server: &Server, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&mut *server.app.store.look().await.unwrap()).await.unwrap()
}

/// As many as are deleted at once, and one.
const IDS: &str = "
    INSERT INTO commands (principal, id, body_hash, answer, at)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 1000)
    SELECT 'user:nobody', i, '', '', strftime('%s', 'now') * 1000 FROM n";
/// When those are old.
const LATER: Duration = Duration::from_hours(40 * 24);

#[tokio::test]
async fn an_id_from_a_clock_that_is_ahead_is_remembered_until_it_is_too_old() {
    let server = Server::start().await;
    let (id, began) = (ProjectId::fresh(), now(&server));
    let (store, user) = (&server.app.store, server.user_id("ada").await);
    admin(store, AdminCommand::AddProject { id, name: "web".into() }, began).await.unwrap();
    admin(store, AdminCommand::AddMember { project: id, user, role: Role::Member }, began).await.unwrap();
    let token = server.sign_in("ada", PASSWORD).await.text("access_token");
    let ahead = began.plus(23 * HOUR);
    let made = uuid::Timestamp::from_unix(uuid::NoContext, ahead.0 as u64 / 1000, 0);
    let command = json!({
        "id": CommandId(uuid::Uuid::new_v7(made)), "cmd": "activity:post", "data": {"title": "from tomorrow"}
    });
    let send =
        || Answer::of(server.post(&format!("/v1/rooms/project:{id}/commands")).bearer_auth(&token).json(&command));
    let first = send().await;
    assert_eq!(first.status, 200, "{first:?}");

    let last_moment = ahead.plus(COMMAND_IDS_KEPT);
    assert!(!server.app.ingest.prune(last_moment).await);
    assert_eq!(send().await.body, first.body, "it is not applied twice");
    assert!(!server.app.ingest.prune(last_moment.plus(2 * HOUR)).await);
    assert_eq!(count(&server, "SELECT count(*) FROM commands").await, 0, "it is forgotten in the end");
}

#[tokio::test]
async fn what_is_old_goes_in_steps_until_nothing_is_left() {
    let server = Server::start().await;
    sql(&server, IDS).await;
    let later = now(&server).plus(LATER);
    assert!(server.app.ingest.prune(later).await, "there is more");
    assert!(!server.app.ingest.prune(later).await);
    assert_eq!(count(&server, "SELECT count(*) FROM commands").await, 0);
}

#[tokio::test]
async fn nobody_is_asked_to_go_on_pruning_while_nothing_can_be_written() {
    let server = Server::start().await;
    // A commit that fails, as on a full disk: what is deleted leaves something behind that may not be.
    sql(
        &server,
        "CREATE TABLE debts (member TEXT REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER debt AFTER DELETE ON commands BEGIN INSERT INTO debts VALUES ('nobody'); END",
    )
    .await;
    sql(&server, IDS).await;
    let later = now(&server).plus(LATER);
    assert!(!server.app.ingest.prune(later).await);
    assert_eq!(count(&server, "SELECT count(*) FROM commands").await, 1001, "nothing was deleted");
    sql(&server, "DROP TRIGGER debt").await;
    assert!(server.app.ingest.prune(later).await, "and it goes on when it can");
}
