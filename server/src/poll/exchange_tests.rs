//! Facts about the numbers, with requests and answers that are lost on the way.

use proptest::prelude::*;
use watchbell_protocol::http::Polled;

use super::*;

fn answer(texts: &[&str]) -> Answer {
    Answer { frames: texts.iter().map(|&text| text.into()).collect(), close: None }
}

#[test]
fn an_answer_is_given_again_until_it_is_acknowledged() {
    let mut exchange = Exchange::default();
    exchange.acknowledge(0).unwrap();
    assert!(exchange.next().is_none());
    exchange.put(answer(&["{}"]));
    assert_eq!(exchange.next().unwrap().0, 1);
    exchange.acknowledge(0).unwrap();
    assert_eq!(exchange.next(), Some((1, &answer(&["{}"]))));
    assert!(!exchange.has_place());
    exchange.acknowledge(1).unwrap();
    assert!(exchange.has_place());
    assert_eq!(exchange.nothing(), 1);
}

#[test]
fn numbers_that_cannot_be_are_refused_and_change_nothing() {
    let mut exchange = Exchange::default();
    for ack in [1, 2, u64::MAX] {
        assert_eq!(exchange.acknowledge(ack).unwrap_err().field.as_deref(), Some("ack"), "{ack}");
    }
    exchange.put(answer(&[]));
    exchange.acknowledge(1).unwrap();
    for ack in [0, 2, 3] {
        assert_eq!(exchange.acknowledge(ack).unwrap_err().code, ErrorCode::Conflict, "{ack}");
    }
    exchange.acknowledge(1).unwrap();
}

#[test]
fn a_send_is_taken_once_and_one_that_leaves_a_gap_is_refused() {
    let mut exchange = Exchange::default();
    for n in [0, 2, u64::MAX] {
        assert_eq!(exchange.may_take(n).unwrap_err().field.as_deref(), Some("n"), "{n}");
    }
    assert_eq!(exchange.may_take(1), Ok(Take::Now));
    assert_eq!(exchange.may_take(1), Ok(Take::Now), "until it counts as taken");
    exchange.took();
    assert_eq!(exchange.may_take(1), Ok(Take::Already));
    assert_eq!(exchange.may_take(2), Ok(Take::Now));
    assert!(exchange.may_take(3).is_err());
}

#[test]
fn a_body_reads_as_the_protocol_says() {
    let both = Answer { close: Some(CloseCode::Revoked), ..answer(&[r#"{"heads":{}}"#, r#"{"a":[1]}"#]) };
    let polled: Polled = serde_json::from_str(&body(Some("c"), 3, Some(&both))).unwrap();
    assert_eq!((polled.connection.as_deref(), polled.n), (Some("c"), 3));
    assert_eq!(polled.frames.iter().map(|frame| frame.get()).collect::<Vec<_>>(), [r#"{"heads":{}}"#, r#"{"a":[1]}"#]);
    assert_eq!(polled.close, Some(CloseCode::Revoked.into()));
    let nothing: Polled = serde_json::from_str(&body(None, 7, None)).unwrap();
    assert_eq!((nothing.connection, nothing.n, nothing.frames.len(), nothing.close), (None, 7, 0, None));
}

/// What the network does to one request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    RequestLost,
    AnswerLost,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Arrives), Just(Fate::RequestLost), Just(Fate::AnswerLost)]
}

proptest! {
    #[test]
    fn whatever_is_lost_everything_arrives_once_and_in_order(
        polls in prop::collection::vec(fate(), 1..60),
        sends in prop::collection::vec(fate(), 1..60),
    ) {
        let (mut exchange, mut put, mut heard, mut ack) = (Exchange::default(), 0, Vec::new(), 0);
        for fate in polls.into_iter().chain([Fate::Arrives, Fate::Arrives]) {
            if exchange.has_place() {
                exchange.put(answer(&[&put.to_string()]));
                put += 1;
            }
            if matches!(fate, Fate::RequestLost) {
                continue;
            }
            exchange.acknowledge(ack).unwrap();
            let next = exchange.next().map(|(n, answer)| (n, answer.frames[0].to_string()));
            if let (Fate::Arrives, Some((n, text))) = (fate, next) {
                ack = n;
                heard.push(text);
            }
        }
        let arrived: Vec<String> = (0..heard.len()).map(|number| number.to_string()).collect();
        prop_assert_eq!(&heard, &arrived);
        prop_assert!(heard.len() + 1 >= put);

        let (mut taken, mut n) = (Vec::new(), 1);
        for fate in sends {
            if matches!(fate, Fate::RequestLost) {
                continue;
            }
            if exchange.may_take(n).unwrap() == Take::Now {
                exchange.took();
                taken.push(n);
            }
            if matches!(fate, Fate::Arrives) {
                n += 1;
            }
        }
        prop_assert_eq!(&taken, &(1..=taken.len() as u64).collect::<Vec<_>>());
    }
}
