//! What the checker finds, and what it leaves alone.

use watchbell_protocol::{CommandId, ProjectId, Tag};

use super::{
    super::work::{REPORTED, What},
    *,
};

/// A room with the three events of one command, and a member who sent it and heard them.
fn story() -> (Vec<Entry>, Life, Room, CommandId) {
    let (room, id) = (Room::Project(ProjectId::fresh()), CommandId::fresh());
    let sent = Sent::Parts { member: 0, life: 0, n: 1, count: 3 };
    let entry = |(part, mark)| Entry { room, seq: Seq(part), tag: Tag(part as u32 + 10), what: What::Issues(mark) };
    let journal: Vec<_> = (1..).zip(sent.marks(id)).map(entry).collect();
    let mut life = vec![Line::Position(room, Seq(0), Tag(0)), Line::Sent(id, sent)];
    life.extend(journal.iter().map(|entry| Line::Applied(room, entry.seq, entry.tag)));
    life.push(Line::Acknowledged(id, Some((room, Seq(3)))));
    (journal, life, room, id)
}

fn judge(journal: &[Entry], lives: Vec<Life>) -> [usize; 3] {
    let verdict = check(journal, &[], &[("maya".to_owned(), lives)]);
    [verdict.lost.len(), verdict.doubled.len(), verdict.gaps.len()]
}

#[test]
fn a_good_story_is_clean() {
    let (journal, life, ..) = story();
    assert_eq!(judge(&journal, vec![life]), [0, 0, 0]);
}

#[test]
fn an_event_that_is_not_in_the_journal_is_lost() {
    let (mut journal, life, ..) = story();
    journal.pop();
    // Queued, acknowledged, and applied by the member.
    assert_eq!(judge(&journal, vec![life]), [3, 0, 0]);
}

#[test]
fn a_hole_in_the_journal_is_a_loss() {
    let (mut journal, ..) = story();
    journal.remove(1);
    assert_eq!(judge(&journal, vec![]), [1, 0, 0]);
}

#[test]
fn a_mark_that_is_there_twice_is_doubled() {
    let (mut journal, life, ..) = story();
    let again = Entry { seq: Seq(4), ..journal[2].clone() };
    journal.push(again);
    assert_eq!(judge(&journal, vec![life]), [0, 1, 0]);
}

#[test]
fn what_was_refused_must_not_be_there() {
    let (journal, mut life, _, id) = story();
    life.push(Line::Refused(id));
    assert_eq!(judge(&journal, vec![life]), [0, 3, 0]);
}

#[test]
fn an_event_applied_twice_is_doubled_in_one_life_and_over_two() {
    let (journal, mut life, room, _) = story();
    let mut next = vec![Line::Position(room, Seq(2), Tag(12))];
    next.push(Line::Applied(room, Seq(3), Tag(13)));
    assert_eq!(judge(&journal, vec![life.clone(), next]), [0, 1, 0]);
    life.push(Line::Applied(room, Seq(3), Tag(13)));
    assert_eq!(judge(&journal, vec![life]), [0, 1, 0]);
}

#[test]
fn a_gap_is_found_unless_it_was_flagged() {
    let (journal, mut life, room, _) = story();
    let second = life.iter().position(|line| matches!(line, Line::Applied(_, Seq(2), _))).unwrap();
    for flag in [Line::Rebuilt(room), Line::Missed] {
        life[second] = flag;
        assert_eq!(judge(&journal, vec![life.clone()]), [0, 0, 0]);
    }
    life.remove(second);
    assert_eq!(judge(&journal, vec![life]), [0, 0, 1]);
}

#[test]
fn a_room_that_was_rebuilt_excuses_a_gap_in_no_other() {
    let (journal, mut life, ..) = story();
    let second = life.iter().position(|line| matches!(line, Line::Applied(_, Seq(2), _))).unwrap();
    life[second] = Line::Rebuilt(Room::Project(ProjectId::fresh()));
    assert_eq!(judge(&journal, vec![life]), [0, 0, 1]);
}

#[test]
fn a_cache_that_stands_behind_an_event_without_its_effect_has_lost_it() {
    let (mut journal, _, room, _) = story();
    journal[1].what = What::Post("post".to_owned());
    journal[2].what = What::Detector(Some("end".to_owned()));
    let life = |at, marks: &[&str]| -> Life {
        let shown = marks.iter().map(|mark| Line::Shows((*mark).to_owned()));
        std::iter::once(Line::Position(room, Seq(at), Tag(at as u32 + 10))).chain(shown).collect()
    };
    assert_eq!(judge(&journal, vec![life(3, &["post", "end"])]), [0, 0, 0]);
    assert_eq!(judge(&journal, vec![life(3, &["post"])]), [1, 0, 0]);
    let begun: Life = life(3, &["post"]).into_iter().chain([Line::Rebuilding(room)]).collect();
    assert_eq!(judge(&journal, vec![begun]), [0, 0, 0], "pages of another time have come over it");
    assert_eq!(judge(&journal, vec![life(2, &["post"])]), [0, 0, 0]);
    assert_eq!(judge(&journal, vec![life(1, &["end"])]), [0, 0, 0], "filled from the state");
}

#[test]
fn a_life_begins_where_the_cache_stood_and_not_where_the_log_ends() {
    let (journal, life, room, _) = story();
    // Killed after the event was applied and before that was logged.
    let first = life.iter().filter(|line| !matches!(line, Line::Applied(_, Seq(3), _))).cloned().collect();
    assert_eq!(judge(&journal, vec![first, vec![Line::Position(room, Seq(3), Tag(13))]]), [0, 0, 0]);
    let behind = vec![Line::Position(room, Seq(1), Tag(11)), Line::Applied(room, Seq(3), Tag(13))];
    assert_eq!(judge(&journal, vec![behind]), [0, 0, 1]);
}

/// As `story`, but after the first event an older database was copied back; what the member sent was sent once more by
/// another, and its two events have other tags.
fn rewritten() -> (Vec<Entry>, Forgotten, Life, Room) {
    let (journal, life, room, _) = story();
    let forgotten = Forgotten::after([(room, Seq(1))].into(), journal.clone());
    let again = |entry: &Entry| {
        let What::Issues(mark) = &entry.what else { panic!("they are issues") };
        Entry { tag: Tag(entry.tag.0 + 100), what: What::Issues(format!("1{mark}")), ..entry.clone() }
    };
    let rewritten = journal[..1].iter().cloned().chain(journal[1..].iter().map(again)).collect();
    (rewritten, forgotten, life, room)
}

fn judge_rewritten(journal: &[Entry], forgotten: Forgotten, lives: Vec<Life>) -> [usize; 3] {
    let verdict = check(journal, &[forgotten], &[("maya".to_owned(), lives)]);
    [verdict.lost.len(), verdict.doubled.len(), verdict.gaps.len()]
}

#[test]
fn a_command_that_the_journal_forgot_is_excused_if_all_of_it_is_gone() {
    let (journal, life, ..) = story();
    let whole = Forgotten::after(BTreeMap::new(), journal);
    assert_eq!(judge_rewritten(&[], whole, vec![life]), [0, 0, 0]);
    let (journal, forgotten, life, _) = rewritten();
    assert_eq!(judge_rewritten(&journal, forgotten, vec![life]), [2, 0, 0], "its first event is still there");
}

#[test]
fn going_on_in_another_journal_is_a_gap_unless_it_was_flagged() {
    let (journal, forgotten, _, room) = rewritten();
    let judge = |life| judge_rewritten(&journal, forgotten.clone(), vec![life]);
    let (old, new) = (Line::Applied(room, Seq(2), Tag(12)), Line::Applied(room, Seq(3), Tag(113)));
    let start = Line::Position(room, Seq(1), Tag(11));
    assert_eq!(
        judge(vec![start.clone(), old.clone(), new.clone()]),
        [0, 0, 1],
        "the numbers follow, the journals differ"
    );
    assert_eq!(judge(vec![start.clone(), old.clone(), Line::Rebuilt(room), new]), [0, 0, 0]);
    assert_eq!(judge(vec![start, old, Line::Applied(room, Seq(3), Tag(13))]), [0, 0, 0], "before it was forgotten");
}

#[test]
fn falling_back_is_right_only_from_what_was_forgotten() {
    let (journal, forgotten, _, room) = rewritten();
    let judge = |seq, tag| {
        let first = vec![
            Line::Position(room, Seq(seq), Tag(tag)),
            Line::Rebuilt(room),
            Line::Applied(room, Seq(seq), Tag(tag)),
        ];
        judge_rewritten(&journal, forgotten.clone(), vec![first, vec![Line::Position(room, Seq(1), Tag(11))]])
    };
    assert_eq!(judge(3, 13), [0, 0, 0]);
    assert_eq!(judge(3, 113), [0, 1, 0]);
    assert_eq!(judge(3, 77), [2, 0, 0], "no journal ever had it");
}

#[test]
fn a_report_of_an_analysis_that_was_forgotten_is_excused_and_one_of_another_is_not() {
    let (room, start, report) = (Room::Project(ProjectId::fresh()), CommandId::fresh(), CommandId::fresh());
    let started = Entry { room, seq: Seq(1), tag: Tag(11), what: What::Start(start.to_string()) };
    let sent = Sent::Parts { member: 0, life: 0, n: 1, count: REPORTED };
    let life = vec![Line::Sent(start, Sent::Start), Line::Sent(report, sent)];
    let forgotten = Forgotten::after(BTreeMap::new(), vec![started.clone()]);
    assert_eq!(judge_rewritten(&[], forgotten.clone(), vec![life.clone()]), [0, 0, 0]);
    assert_eq!(judge_rewritten(&[started], forgotten, vec![life]), [REPORTED as usize, 0, 0], "it was started again");
}
