//! A disk that takes nothing more: nothing of a command is kept, its sender tries again, and nobody is told that it failed
//! for good.

use sqlx::AssertSqlSafe;
use watchbell_protocol::{Answer, CommandId, ErrorCode, Room, Text, WireError, command::ActivityPost, limits};

use crate::{
    client::Client,
    fixture::{Server, Who, start, text},
};

fn post() -> ActivityPost {
    ActivityPost { title: text("a title"), body: Some(Text::clip("x".repeat(limits::BODY_BYTES))) }
}

/// The database may grow by so many pages.
async fn leave_room(server: &Server, pages: i64) {
    let mut tx = server.app.as_ref().unwrap().store.write().await.unwrap();
    let (now,): (i64,) = sqlx::query_as("PRAGMA page_count").fetch_one(&mut *tx).await.unwrap();
    let limit = format!("PRAGMA max_page_count = {}", now + pages);
    sqlx::query(AssertSqlSafe(limit)).execute(&mut *tx).await.unwrap();
    tx.rollback().await.unwrap();
}

/// Sends several commands at once; what each was answered.
async fn several(client: &mut Client, room: Room, ids: [CommandId; 4]) -> Vec<Result<Answer, WireError>> {
    // Two events, whose rows of the journal one statement writes.
    let detectors: Vec<String> = (0..20).map(|n| format!("detector {n}")).collect();
    client.send(Some(ids[0]), Some(room), start(&detectors)).await;
    for id in &ids[1..] {
        client.send(Some(*id), Some(room), post()).await;
    }
    let mut answers = Vec::new();
    for id in ids {
        answers.push(client.answer(id).await);
    }
    answers
}

#[tokio::test]
async fn on_a_full_disk_every_command_is_unavailable_and_goes_through_later() {
    let server = Server::start().await;
    let ada = server.member("ada").await;
    let room = server.project("web", &[&ada]).await;
    let mut client = server.connect(&ada.token).await;
    let (before, mut applied) = (head(&server, &ada, room).await, Vec::new());
    for pages in 0..16 {
        leave_room(&server, pages).await;
        let refused = loop {
            let ids = [(); 4].map(|()| CommandId::fresh());
            let answers = several(&mut client, room, ids).await;
            applied.extend(answers.iter().flatten().filter_map(|answer| answer.seq));
            if let Some(error) = answers.into_iter().find_map(Result::err) {
                assert_eq!(error.code, ErrorCode::Unavailable, "with room for {pages} pages: {error}");
                break ids;
            }
        };
        leave_room(&server, 1000).await;
        let answers = several(&mut client, room, refused).await;
        applied.extend(answers.into_iter().map(|answer| answer.unwrap().seq.unwrap()));
    }
    applied.sort_unstable();
    applied.dedup();
    // Each was applied once, and all of it: a start is two events, and its answer names the second.
    let groups = applied.len() as i64 / 4;
    assert_eq!(head(&server, &ada, room).await - before, 5 * groups, "{applied:?}");
}

async fn head(server: &Server, who: &Who, room: Room) -> i64 {
    server.connect(&who.token).await.join(room, None).await.at.seq.0
}
