//! Facts about one connection without a server around it. Time is paused, so a hold is over at once.

use std::time::Duration;

use watchbell_protocol::{CloseCode, ErrorCode};

use super::*;

const HOLD: Duration = Duration::from_secs(25);

fn text(text: &str) -> Batch {
    Batch { outs: vec![Out::Ping, Out::Text(text.into())].into(), is_owed: true, ..Batch::default() }
}

fn close(code: CloseCode) -> Batch {
    Batch { close: Some(code), is_last: true, ..Batch::default() }
}

fn ends() -> (Arc<Line>, LineSource, LineSink) {
    let line = Arc::new(Line::default());
    (line.clone(), LineSource(line.clone()), LineSink(line))
}

async fn write(sink: &mut LineSink, batch: Batch) -> Result<(), Gone> {
    sink.write(batch, &Moved::default()).await
}

async fn poll(line: &Line, ack: u64) -> Result<String, WireError> {
    line.poll(None, ack, Instant::now() + HOLD).await
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_held_until_there_is_something_and_answered_with_nothing_in_the_end() {
    let (line, _source, mut sink) = ends();
    let began = Instant::now();
    assert_eq!(poll(&line, 0).await.unwrap(), r#"{"n":0,"frames":[]}"#);
    assert_eq!(began.elapsed(), HOLD);
    let (answer, written) = tokio::join!(poll(&line, 0), write(&mut sink, text("{}")));
    assert_eq!((answer.unwrap().as_str(), written), (r#"{"n":1,"frames":[{}]}"#, Ok(())));
    assert_eq!(began.elapsed(), HOLD, "at once");
}

#[tokio::test(start_paused = true)]
async fn the_next_answer_waits_until_the_one_before_is_acknowledged() {
    let (line, _source, mut sink) = ends();
    write(&mut sink, text("1")).await.unwrap();
    poll(&line, 0).await.unwrap();
    assert_eq!(poll(&line, 0).await.unwrap(), r#"{"n":1,"frames":[1]}"#, "the answer was lost");
    let mut second = std::pin::pin!(write(&mut sink, text("2")));
    assert!(tokio::time::timeout(HOLD, &mut second).await.is_err());
    let (answer, written) = tokio::join!(poll(&line, 1), second);
    assert_eq!((answer.unwrap().as_str(), written), (r#"{"n":2,"frames":[2]}"#, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_newer_poll_takes_the_place_of_one_that_waits() {
    let (line, _source, mut sink) = ends();
    let newer = async {
        tokio::task::yield_now().await;
        tokio::join!(poll(&line, 0), write(&mut sink, text("1")))
    };
    let (older, (newer, _)) = tokio::join!(poll(&line, 0), newer);
    assert_eq!(older.unwrap(), r#"{"n":0,"frames":[]}"#);
    assert_eq!(newer.unwrap(), r#"{"n":1,"frames":[1]}"#);
}

#[tokio::test(start_paused = true)]
async fn a_close_is_written_when_a_poll_was_given_it() {
    let (line, _source, mut sink) = ends();
    let mut farewell = std::pin::pin!(write(&mut sink, close(CloseCode::Revoked)));
    assert!(tokio::time::timeout(HOLD, &mut farewell).await.is_err());
    let (answer, written) = tokio::join!(poll(&line, 0), farewell);
    let expected = r#"{"n":1,"frames":[],"close":{"code":4003,"reason":"signed out by the server"}}"#;
    assert_eq!((answer.unwrap().as_str(), written), (expected, Ok(())));
    line.over();
    assert_eq!(poll(&line, 1).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(line.send(1, Vec::new(), false).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_learns_that_it_is_over() {
    let (line, _source, _sink) = ends();
    line.send(1, vec!["1".into()], false).await.unwrap();
    let (polled, sent, ()) = tokio::join!(poll(&line, 0), line.send(2, Vec::new(), false), async { line.over() });
    assert_eq!(polled.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(sent.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_send_is_heard_once_and_the_next_waits_until_it_was() {
    let (line, mut source, _sink) = ends();
    line.send(1, vec!["a".into(), "b".into()], false).await.unwrap();
    line.send(1, vec!["a".into(), "b".into()], false).await.unwrap();
    assert_eq!(line.send(3, vec!["d".into()], false).await.unwrap_err().code, ErrorCode::Conflict);
    let mut second = std::pin::pin!(line.send(2, vec!["c".into()], true));
    assert!(tokio::time::timeout(HOLD, &mut second).await.is_err());
    assert_eq!(source.next().await, Some(Heard::Text("a".into())));
    let (sent, heard) = tokio::join!(second, async { [source.next().await, source.next().await] });
    assert_eq!(sent, Ok(()));
    assert_eq!(heard, [Some(Heard::Text("b".into())), Some(Heard::Text("c".into()))]);
    assert_eq!(source.next().await, None, "it said goodbye");
}

#[tokio::test(start_paused = true)]
async fn requests_are_signs_of_life_and_what_is_too_large_is_heard() {
    let (line, mut source, _sink) = ends();
    poll(&line, 0).await.unwrap();
    line.send(1, Vec::new(), false).await.unwrap();
    assert_eq!([source.next().await, source.next().await], [Some(Heard::Alive), Some(Heard::Alive)]);
    assert!(tokio::time::timeout(HOLD, source.next()).await.is_err());
    line.too_large();
    assert_eq!(source.next().await, Some(Heard::TooLarge));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_to_whoever_said_goodbye_once_all_they_said_was_heard() {
    let (line, mut source, mut sink) = ends();
    write(&mut sink, text("1")).await.unwrap();
    line.send(1, vec!["the last word".into()], true).await.unwrap();
    let mut second = std::pin::pin!(write(&mut sink, text("2")));
    assert!(tokio::time::timeout(HOLD, &mut second).await.is_err(), "not yet");
    assert_eq!(source.next().await, Some(Heard::Text("the last word".into())));
    let (written, heard) = tokio::join!(second, source.next());
    assert_eq!((written, heard), (Err(Gone), None));
}
