//! Pure: holds what everybody logged against the journal.
//!
//! The journal itself is checked first (dense, every mark once); then that each command which was queued is in it, each
//! acknowledgement true, and each member's every life went through its rooms event by event from where the cache stood.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use watchbell_protocol::{Room, Seq, Tag};

use super::{
    line::Line,
    member::Life,
    work::{Sent, What},
};

/// A row of the server's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub room: Room,
    /// Its number there.
    pub seq: Seq,
    /// Its tag.
    pub tag: Tag,
    /// What it says.
    pub what: What,
}

/// What is wrong, each with a sentence.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Queued, acknowledged or journaled, and not there.
    pub lost: Vec<String>,
    /// Applied more often than once.
    pub doubled: Vec<String>,
    /// A member went on behind a gap without a word.
    pub gaps: Vec<String>,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.gaps.is_empty()
    }
}

/// The journal, to look things up.
struct Journal<'a> {
    by_place: HashMap<(Room, Seq), &'a Entry>,
    by_mark: HashMap<&'a str, &'a Entry>,
}

impl Journal<'_> {
    /// The marks which a cache that stands there must show: of the newest end of a detector and the newest post.
    fn newest(&self, room: Room, at: Seq) -> impl Iterator<Item = &str> {
        let before = move || (1..=at.0).rev().filter_map(move |seq| self.by_place.get(&(room, Seq(seq))));
        let detector = before().find(|entry| matches!(entry.what, What::Detector(_)));
        let post = before().find(|entry| matches!(entry.what, What::Post(_)));
        detector.into_iter().chain(post).filter_map(|entry| entry.what.mark())
    }
}

/// Checks everything that the logs can tell.
pub fn check(journal: &[Entry], members: &[(String, Vec<Life>)]) -> Verdict {
    let mut verdict = Verdict::default();
    let index = read_journal(journal, &mut verdict);
    for (name, lives) in members {
        check_commands(name, lives, &index, &mut verdict);
        check_hearing(name, lives, &index, &mut verdict);
        for life in lives {
            check_effects(name, life, &index, &mut verdict);
        }
    }
    verdict
}

fn read_journal<'a>(journal: &'a [Entry], verdict: &mut Verdict) -> Journal<'a> {
    let mut index = Journal { by_place: HashMap::new(), by_mark: HashMap::new() };
    let mut heads: BTreeMap<Room, Seq> = BTreeMap::new();
    for entry in journal {
        let head = heads.entry(entry.room).or_insert(Seq::ZERO);
        if entry.seq != head.next() {
            verdict.lost.push(format!("{}: the journal goes from {} to {}", entry.room, head.0, entry.seq.0));
        }
        *head = entry.seq;
        index.by_place.insert((entry.room, entry.seq), entry);
        if let Some(mark) = entry.what.mark()
            && let Some(before) = index.by_mark.insert(mark, entry)
        {
            let (first, second) = (before.seq.0, entry.seq.0);
            verdict.doubled.push(format!("{}: {mark} is in the journal as {first} and as {second}", entry.room));
        }
    }
    index
}

/// Every command that was queued is in the journal, unless it was refused; and where its acknowledgement says.
fn check_commands(name: &str, lives: &[Life], journal: &Journal<'_>, verdict: &mut Verdict) {
    let logged = || lives.iter().flatten();
    let refused: BTreeSet<_> =
        logged().filter_map(|line| if let Line::Refused(id) = line { Some(*id) } else { None }).collect();
    let mut sent: HashMap<_, Sent> = HashMap::new();
    for line in logged() {
        match line {
            Line::Sent(id, command) => {
                sent.insert(*id, *command);
                for mark in command.marks() {
                    let (there, refused) = (journal.by_mark.contains_key(mark.as_str()), refused.contains(id));
                    if !there && !refused {
                        verdict.lost.push(format!("{name}: {mark} was queued and is not in the journal"));
                    } else if there && refused {
                        verdict.doubled.push(format!("{name}: {mark} was refused and is in the journal"));
                    }
                }
            }
            Line::Acknowledged(id, place) => {
                let last = sent.get(id).and_then(|command| command.marks().last());
                let there = place.and_then(|place| journal.by_place.get(&place));
                let is_true = there.is_some_and(|entry| last.is_none() || entry.what.mark() == last.as_deref());
                if !is_true {
                    verdict.lost.push(format!("{name}: {id} was acknowledged and is not where it should be"));
                }
            }
            _ => {}
        }
    }
}

/// Every life goes on where the cache stood, and through each room event by event.
fn check_hearing(name: &str, lives: &[Life], journal: &Journal<'_>, verdict: &mut Verdict) {
    let mut logged: BTreeMap<Room, Seq> = BTreeMap::new();
    for (number, life) in lives.iter().enumerate() {
        let mut heard: BTreeMap<Room, Seq> = BTreeMap::new();
        for line in life {
            match line {
                Line::Position(room, seq) => {
                    if logged.get(room).is_some_and(|logged| logged > seq) {
                        let text = format!("{name}, life {number}: {room} fell back to {}", seq.0);
                        verdict.doubled.push(text);
                    }
                    heard.insert(*room, *seq);
                }
                Line::Missed => heard.clear(),
                Line::Applied(room, seq, tag) => {
                    if let Some(last) = heard.insert(*room, *seq) {
                        let text = || format!("{name}, life {number}: {room} from {} to {}", last.0, seq.0);
                        if *seq <= last {
                            verdict.doubled.push(text());
                        } else if *seq != last.next() {
                            verdict.gaps.push(text());
                        }
                    }
                    logged.insert(*room, *seq);
                    if journal.by_place.get(&(*room, *seq)).is_none_or(|entry| entry.tag != *tag) {
                        verdict.lost.push(format!("{name}: applied {} of {room}, which the journal has not", seq.0));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Where the cache stood when a life began, it also showed what had happened up to there. (A cache that was filled from
/// the state may show later things already.)
fn check_effects(name: &str, life: &Life, journal: &Journal<'_>, verdict: &mut Verdict) {
    let shown = || life.iter().filter_map(|line| if let Line::Shows(mark) = line { Some(mark.as_str()) } else { None });
    for line in life {
        let Line::Position(room, at) = line else { continue };
        let is_ahead = |mark| journal.by_mark.get(mark).is_some_and(|entry| entry.room == *room && entry.seq > *at);
        if shown().any(is_ahead) {
            continue;
        }
        for mark in journal.newest(*room, *at).filter(|mark| !shown().any(|shown| shown == *mark)) {
            verdict.lost.push(format!("{name}: the cache stands at {} of {room} and does not show {mark}", at.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{CommandId, ProjectId};

    use super::*;

    /// A room with the three events of one command, and a member who sent it and heard them.
    fn story() -> (Vec<Entry>, Life, Room, CommandId) {
        let (room, id) = (Room::Project(ProjectId::fresh()), CommandId::fresh());
        let sent = Sent::Parts { member: 0, life: 0, n: 1, count: 3 };
        let entry = |(part, mark)| Entry { room, seq: Seq(part), tag: Tag(part as u32 + 10), what: What::Issues(mark) };
        let journal: Vec<_> = (1..).zip(sent.marks()).map(entry).collect();
        let mut life = vec![Line::Position(room, Seq(0)), Line::Sent(id, sent)];
        life.extend(journal.iter().map(|entry| Line::Applied(room, entry.seq, entry.tag)));
        life.push(Line::Acknowledged(id, Some((room, Seq(3)))));
        (journal, life, room, id)
    }

    fn judge(journal: &[Entry], lives: Vec<Life>) -> [usize; 3] {
        let verdict = check(journal, &[("maya".to_owned(), lives)]);
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
        let mut next = vec![Line::Position(room, Seq(2))];
        next.push(Line::Applied(room, Seq(3), Tag(13)));
        assert_eq!(judge(&journal, vec![life.clone(), next]), [0, 1, 0]);
        life.push(Line::Applied(room, Seq(3), Tag(13)));
        assert_eq!(judge(&journal, vec![life]), [0, 1, 0]);
    }

    #[test]
    fn a_gap_is_found_unless_it_was_flagged() {
        let (journal, mut life, ..) = story();
        let second = life.iter().position(|line| matches!(line, Line::Applied(_, Seq(2), _))).unwrap();
        life[second] = Line::Missed;
        assert_eq!(judge(&journal, vec![life.clone()]), [0, 0, 0]);
        life.remove(second);
        assert_eq!(judge(&journal, vec![life]), [0, 0, 1]);
    }

    #[test]
    fn a_cache_that_stands_behind_an_event_without_its_effect_has_lost_it() {
        let (mut journal, _, room, _) = story();
        journal[1].what = What::Post("post".to_owned());
        journal[2].what = What::Detector(Some("end".to_owned()));
        let life = |at, marks: &[&str]| {
            let shown = marks.iter().map(|mark| Line::Shows((*mark).to_owned()));
            std::iter::once(Line::Position(room, Seq(at))).chain(shown).collect()
        };
        assert_eq!(judge(&journal, vec![life(3, &["post", "end"])]), [0, 0, 0]);
        assert_eq!(judge(&journal, vec![life(3, &["post"])]), [1, 0, 0]);
        assert_eq!(judge(&journal, vec![life(2, &["post"])]), [0, 0, 0]);
        assert_eq!(judge(&journal, vec![life(1, &["end"])]), [0, 0, 0], "filled from the state");
    }

    #[test]
    fn a_life_begins_where_the_cache_stood_and_not_where_the_log_ends() {
        let (journal, life, room, _) = story();
        // Killed after the event was applied and before that was logged.
        let first = life.iter().filter(|line| !matches!(line, Line::Applied(_, Seq(3), _))).cloned().collect();
        assert_eq!(judge(&journal, vec![first, vec![Line::Position(room, Seq(3))]]), [0, 0, 0]);
        let behind = vec![Line::Position(room, Seq(1)), Line::Applied(room, Seq(3), Tag(13))];
        assert_eq!(judge(&journal, vec![behind]), [0, 0, 1]);
    }
}
