//! Every wire type as it looks on the wire: a change of the wire is a visible diff of a snapshot.

mod samples;

use serde_json::Value;

use samples::{NOW, commands, events, ines, position, project_room, text, uuid};
use watchbell_protocol::{
    Answer, Class, ClientFrame, CommandId, ConnectionId, ErrorCode, Event, RoomEvent, Seq, ServerFrame, StateItem,
    StatePage, Tag, WireError,
    command::Command,
    event::{LogLine, LogsStream},
    frame::{Connected, Gap, GoingAway, Gone, Resync, ResyncReason},
    limits,
};

fn in_room(event: Event) -> RoomEvent {
    let durable = event.class() == Class::Durable;
    RoomEvent {
        room: project_room(),
        seq: durable.then_some(Seq(42)),
        tag: durable.then_some(Tag(1234)),
        at: NOW,
        origin: ines(),
        event,
    }
}

fn file_name(name: &str) -> String {
    name.replace(':', "-")
}

#[test]
fn every_event_has_a_sample_and_reads_back_as_it_was_written() {
    let names: Vec<_> = events().iter().map(Event::name).collect();
    assert_eq!(names, Event::NAMES, "one sample for each event, in the order of the table");
    for event in events() {
        let frame = ServerFrame::Event(Box::new(in_room(event)));
        assert_eq!(ServerFrame::parse(&frame.to_text()), Ok(frame));
    }
}

#[test]
fn every_event_keeps_its_shape() {
    for event in events() {
        insta::assert_json_snapshot!(format!("event-{}", file_name(event.name())), in_room(event));
    }
}

#[test]
fn every_command_has_a_sample_and_reads_back_as_it_was_written() {
    let names: Vec<_> = commands().iter().map(Command::name).collect();
    assert_eq!(names, Command::NAMES, "one sample for each command, in the order of the table");
    for command in commands() {
        let frame = ClientFrame { id: Some(CommandId(uuid(9))), room: Some(project_room()), command };
        let json = serde_json::to_string(&frame).expect("serialises");
        assert_eq!(ClientFrame::parse(&json), Ok(frame));
    }
}

#[test]
fn every_command_keeps_its_shape() {
    for command in commands() {
        let name = format!("command-{}", file_name(command.name()));
        let frame = ClientFrame { id: Some(CommandId(uuid(9))), room: Some(project_room()), command };
        insta::assert_json_snapshot!(name, frame);
    }
}

/// `value` once for each of its fields, however deep, without that.
fn with_one_field_less(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    if let Value::Object(fields) = value {
        all.extend(fields.keys().map(|key| {
            let mut fields = fields.clone();
            fields.remove(key);
            Value::Object(fields)
        }));
    }
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, inner)| (format!("/{key}"), inner)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, inner)| (format!("/{index}"), inner)).collect()
        }
        _ => Vec::new(),
    };
    for (at, inner) in inside {
        for less in with_one_field_less(inner) {
            let mut value = value.clone();
            *value.pointer_mut(&at).expect("it was there") = less;
            all.push(value);
        }
    }
    all
}

/// The server tells by what it would write whether a command that comes again is the same: a field of a later version must
/// not show in a command that was made before there was one.
#[test]
fn what_a_command_leaves_out_is_left_out_when_it_is_written_again() {
    let mut left_out = 0;
    for command in commands() {
        let data = serde_json::to_value(&command).expect("serialises")["data"].take();
        for less in with_one_field_less(&data) {
            if let Ok(command) = Command::parse(command.name(), &less.to_string()) {
                let again = serde_json::to_value(&command).expect("serialises")["data"].take();
                assert_eq!(again, less, "{}", command.name());
                left_out += 1;
            }
        }
    }
    assert!(left_out >= 10, "{left_out} fields that may be absent");
}

fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    let room = project_room();
    let re = CommandId(uuid(9));
    let started = watchbell_protocol::frame::Started {
        analysis: re.into(),
        number: 215,
        usual: vec![watchbell_protocol::frame::Usual {
            detector: text("clippy"),
            ms: vec![152_000, 149_000],
            files: vec![812, 805],
        }],
    };
    let two = events().into_iter().take(2).map(in_room).collect::<Vec<_>>();
    vec![
        (
            "connected",
            ServerFrame::Connected(Connected {
                version: "0.1.0".into(),
                connection: ConnectionId(uuid(8)),
                capabilities: vec![],
                max_frame_bytes: 1_048_576,
                now: NOW,
                user_room: Some(room),
                projects: vec![],
            }),
        ),
        ("ok", ServerFrame::Answer { re, result: Ok(Answer { room: Some(room), seq: Some(Seq(42)), started: None }) }),
        ("ok-started", ServerFrame::Answer { re, result: Ok(Answer { started: Some(started), ..Answer::default() }) }),
        (
            "refused",
            ServerFrame::Answer {
                re,
                result: Err(WireError::new(ErrorCode::RateLimited, "too many commands").retry_after_ms(400)),
            },
        ),
        ("batch", ServerFrame::Batch(two.clone())),
        ("board", ServerFrame::Board { room, board: two }),
        ("resync", ServerFrame::Resync { room, resync: Resync { reason: ResyncReason::Diverged, head: position() } }),
        (
            "state",
            ServerFrame::State {
                room,
                state: StatePage {
                    items: vec![StateItem::Issues {
                        analysis: watchbell_protocol::AnalysisId(uuid(3)),
                        issues: vec![samples::issue()],
                    }],
                    last: true,
                },
            },
        ),
        ("caught_up", ServerFrame::CaughtUp { room, caught_up: position() }),
        ("gone", ServerFrame::Gone { room, gone: Gone { event: "presence:changed".into(), key: "k".into() } }),
        ("gap", ServerFrame::Gap { room, gap: Gap { stream: "logs:build".into(), dropped: 120 } }),
        ("left", ServerFrame::Left { room }),
        ("heads", ServerFrame::Heads([(room, position())].into())),
        ("going_away", ServerFrame::GoingAway(GoingAway { reconnect_in_ms: 1500 })),
        ("error", ServerFrame::Error(WireError::new(ErrorCode::BadRequest, "is missing").at("cmd"))),
    ]
}

#[test]
fn every_server_frame_keeps_its_shape_and_reads_back() {
    for (name, frame) in server_frames() {
        insta::assert_json_snapshot!(format!("frame-{name}"), frame);
        assert_eq!(ServerFrame::parse(&frame.to_text()), Ok(frame));
    }
}

#[test]
fn events_and_frames_of_a_later_version_are_known_as_unknown() {
    let room = project_room();
    let later = format!(
        r#"{{"room":"{room}","event":"comment:created","seq":7,"tag":1,"at":1,"origin":{{"kind":"server"}},"data":{{}},"new":1}}"#
    );
    let Ok(ServerFrame::Batch(batch)) = ServerFrame::parse(&format!(r#"{{"batch":[{later}]}}"#)) else {
        panic!("a batch with an unknown event is still a batch");
    };
    assert_eq!((batch[0].seq, &batch[0].event), (Some(Seq(7)), &Event::Unknown), "its position still counts");
    assert_eq!(ServerFrame::parse(r#"{"weather":"fine"}"#), Ok(ServerFrame::Unknown));
    assert_eq!(ServerFrame::parse(&format!(r#"{{"room":"{room}","weather":1}}"#)), Ok(ServerFrame::Unknown));
}

#[test]
fn unknown_fields_of_a_command_are_ignored() {
    let frame = ClientFrame::parse(r#"{"cmd":"room:leave","data":{"politely":true},"trace":"x"}"#);
    assert!(frame.is_ok(), "{frame:?}");
    assert!(ClientFrame::parse(r#"{"cmd":"room:leave"}"#).is_ok(), "a command without fields needs no data");
}

/// (what, frame, code, field)
const REFUSED: &[(&str, &str, ErrorCode, Option<&str>)] = &[
    ("not JSON", "{", ErrorCode::BadRequest, None),
    ("JSON, but no frame", "7", ErrorCode::BadRequest, None),
    ("no command", r#"{"id":"0192f0c1-0000-7000-8000-000000000001"}"#, ErrorCode::BadRequest, None),
    ("unknown command", r#"{"cmd":"room:paint","data":{}}"#, ErrorCode::UnknownCommand, Some("cmd")),
    ("no id", r#"{"id":"7","cmd":"room:leave"}"#, ErrorCode::BadRequest, Some("id")),
    ("no room", r#"{"cmd":"room:join","room":"web"}"#, ErrorCode::BadRequest, Some("room")),
    (
        "wrong type",
        r#"{"cmd":"notification:read_all","data":{"through":"x"}}"#,
        ErrorCode::BadRequest,
        Some("data.through"),
    ),
    ("missing field", r#"{"cmd":"analysis:cancel","data":{}}"#, ErrorCode::BadRequest, Some("data")),
    ("missing data", r#"{"cmd":"analysis:cancel"}"#, ErrorCode::BadRequest, Some("data")),
    ("deep", r#"{"cmd":"notification:read","data":{"ids":["x"]}}"#, ErrorCode::BadRequest, Some("data.ids[0]")),
    ("trailing", r#"{"cmd":"room:leave"} {}"#, ErrorCode::BadRequest, None),
];

#[test]
fn what_cannot_be_taken_is_refused_by_code_and_field() {
    for (what, frame, code, field) in REFUSED {
        let error = ClientFrame::parse(frame).expect_err(what).error;
        assert_eq!((error.code, error.field.as_deref()), (*code, *field), "{what}: {error}");
    }
}

#[test]
fn what_is_no_json_is_said_to_be_none_and_nothing_else_is() {
    let said = |text: &str| ClientFrame::parse(text).expect_err(text).error;
    for text in ["", "{", "hello", r#"{"cmd":"room:leave","id":}"#, r#"{"cmd":"room:leave"} {}"#] {
        assert!(said(text).message.starts_with("not JSON: "), "{text}: {}", said(text));
    }
    let notify = |level: &str, title: &str| format!(r#"{{"cmd":"notify","data":{{"level":{level},"title":{title}}}}}"#);
    let wrong = [
        "7".to_owned(),
        notify("3", r#""x""#),
        notify("1e999", r#""x""#),
        notify(r#""info""#, r#""\ud83d""#),
        r#"{"cmd":"notify","data":[1,2,3,4,5,6,7,8,9]}"#.to_owned(),
    ];
    for text in &wrong {
        assert!(!said(text).message.contains("not JSON"), "{text}: {}", said(text));
    }
    let error = said(&wrong[1]);
    assert_eq!((error.message.as_str(), error.field.as_deref()), ("is of another type", Some("data.level")));
}

#[test]
fn a_refused_frame_keeps_its_id_so_that_it_can_be_answered() {
    let id = CommandId(uuid(9));
    let refused = ClientFrame::parse(&format!(r#"{{"id":"{id}","cmd":"room:paint"}}"#)).expect_err("unknown command");
    assert_eq!(refused.id, Some(id));
}

#[test]
fn a_value_beyond_its_limit_is_refused_with_the_limit() {
    let title = "x".repeat(300);
    let frame = format!(r#"{{"cmd":"notify","data":{{"level":"info","title":"{title}"}}}}"#);
    let error = ClientFrame::parse(&frame).expect_err("too long").error;
    assert_eq!(error.field.as_deref(), Some("data.title"));
    assert!(error.message.contains("300 bytes long, at most 256"), "{error}");

    let frame = format!(r#"{{"cmd":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    assert_eq!(ClientFrame::parse(&frame).expect_err("too large").error.code, ErrorCode::TooLarge);
}

#[test]
fn a_percentage_that_no_receiver_could_read_is_refused() {
    let renew = |percent: &str, of_detector: &str| {
        let counts = r#"{"critical":0,"high":0,"medium":0,"low":0,"info":0}"#;
        let progress = format!(
            r#"{{"analysis":"{}","percent":{percent},"left":{{"kind":"unknown"}},"counts":{counts},"measured_at":0,
            "detectors":[{{"name":"x","state":"running","counts":{counts},"ms":1,"percent":{of_detector}}}]}}"#,
            uuid(3)
        );
        ClientFrame::parse(&format!(r#"{{"cmd":"analysis:renew","data":{{"progress":{progress}}}}}"#))
    };
    for percent in ["0", "63.5", "100"] {
        assert!(renew(percent, percent).is_ok(), "{:?}", renew(percent, percent));
    }
    assert!(renew("1", "null").is_ok());
    for percent in ["1e39", "-1", "100.5", "null"] {
        let error = renew(percent, "1").unwrap_err().error;
        assert_eq!(error.field.as_deref(), Some("data.progress.percent"), "{error}");
    }
    let error = renew("1", "1e39").unwrap_err().error;
    assert_eq!(error.field.as_deref(), Some("data.progress.detectors[0].percent"), "{error}");
}

#[test]
fn only_the_end_of_an_analysis_closes_its_progress() {
    let closing: Vec<_> = events().into_iter().filter(|event| event.closes().is_some()).map(|e| e.name()).collect();
    assert_eq!(closing, ["analysis:complete", "analysis:cancelled", "analysis:error"]);
    let progress = events().into_iter().find(|event| event.name() == "analysis:progress").expect("in the table");
    for event in events().into_iter().filter(|event| event.closes().is_some()) {
        assert_eq!(event.closes(), Some((progress.name(), progress.key().expect("latest has a key"))));
    }
}

#[test]
fn latest_events_and_streams_have_a_key_and_nothing_else_has() {
    for event in events() {
        let has_one = matches!(event.class(), Class::Latest | Class::Stream);
        assert_eq!(event.key().is_some(), has_one, "{}", event.name());
    }
    let line = events().into_iter().find(|event| event.class() == Class::Stream).expect("in the table");
    assert_eq!(line.key().as_deref(), Some("logs:build"), "a stream's key is its name");
}

#[test]
fn the_longest_source_makes_a_stream_that_can_be_joined() {
    let source = "x".repeat(limits::SOURCE_BYTES);
    let line = LogLine { text: text(""), raw: None, level: None, written_at: None };
    let stream = Event::from(LogsStream { source: text(&source), line }).key().expect("a stream has a name");
    assert!(stream.len() <= limits::NAME_BYTES, "{}", stream.len());
}
