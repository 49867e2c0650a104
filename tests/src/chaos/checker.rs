//! Pure: holds what everybody logged against the journal.
//!
//! The journal itself is checked first (dense, every mark once); then that each command which was queued is in it, each
//! acknowledgement true, and each member's every life went through its rooms event by event from where the cache stood.
//! What the server forgot, because an older database was copied back, is excused from being there, and from nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use watchbell_protocol::{Room, Seq};

use super::{
    journals::{Entry, Forgotten, Journals, Place},
    line::Line,
    member::Life,
    work::Sent,
};

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

/// Checks everything that the logs can tell against the journal as it is in the end, and what of it was forgotten on the
/// way, oldest first.
pub fn check(journal: &[Entry], forgotten: &[Forgotten], members: &[(String, Vec<Life>)]) -> Verdict {
    let mut verdict = Verdict::default();
    check_journal(journal, &mut verdict);
    let journals = Journals::new(journal, forgotten);
    for (name, lives) in members {
        check_commands(name, lives, &journals, &mut verdict);
        check_hearing(name, lives, &journals, &mut verdict);
        for life in lives {
            check_effects(name, life, &journals, &mut verdict);
        }
    }
    verdict
}

/// Dense, and every mark once.
fn check_journal(journal: &[Entry], verdict: &mut Verdict) {
    let mut marked: HashMap<&str, Seq> = HashMap::new();
    let mut heads: BTreeMap<Room, Seq> = BTreeMap::new();
    for entry in journal {
        let head = heads.entry(entry.room).or_insert(Seq::ZERO);
        if entry.seq != head.next() {
            verdict.lost.push(format!("{}: the journal goes from {} to {}", entry.room, head.0, entry.seq.0));
        }
        *head = entry.seq;
        if let Some(mark) = entry.what.mark()
            && let Some(before) = marked.insert(mark, entry.seq)
        {
            let (first, second) = (before.0, entry.seq.0);
            verdict.doubled.push(format!("{}: {mark} is in the journal as {first} and as {second}", entry.room));
        }
    }
}

/// Every command that was queued is in the journal, unless it was refused, or the journal forgot it or the analysis that it
/// was for, and then nothing of it; and where its acknowledgement says, it was.
fn check_commands(name: &str, lives: &[Life], journals: &Journals<'_>, verdict: &mut Verdict) {
    let logged = || lives.iter().flatten();
    let refused: BTreeSet<_> =
        logged().filter_map(|line| if let Line::Refused(id) = line { Some(*id) } else { None }).collect();
    let was_forgotten = |mark: &str| journals.marked(mark).is_none() && journals.marked_before(mark).is_some();
    let mut sent: HashMap<_, Sent> = HashMap::new();
    let mut analysis_forgotten = false;
    for line in logged() {
        match line {
            Line::Sent(id, command) => {
                sent.insert(*id, *command);
                if *command == Sent::Start {
                    analysis_forgotten = was_forgotten(&id.to_string());
                }
                let refused = refused.contains(id);
                let is_absent = command.marks(*id).all(|mark| journals.marked(&mark).is_none());
                let lacks_analysis = command.needs_analysis() && analysis_forgotten;
                for mark in command.marks(*id) {
                    let there = journals.marked(&mark).is_some();
                    let excused = refused || (is_absent && (lacks_analysis || was_forgotten(&mark)));
                    if !there && !excused {
                        verdict.lost.push(format!("{name}: {mark} was queued and is not in the journal"));
                    } else if there && refused {
                        verdict.doubled.push(format!("{name}: {mark} was refused and is in the journal"));
                    }
                }
            }
            Line::Acknowledged(id, place) => {
                let last = sent.get(id).and_then(|command| command.last_mark(*id));
                let mut there = place.iter().flat_map(|(room, seq)| journals.numbered(*room, *seq));
                if !there.any(|entry| last.is_none() || entry.what.mark() == last.as_deref()) {
                    verdict.lost.push(format!("{name}: {id} was acknowledged and is not where it should be"));
                }
            }
            _ => {}
        }
    }
}

/// Every life goes on where the cache stood, and through each room event by event; from one journal into another never
/// without a word.
fn check_hearing(name: &str, lives: &[Life], journals: &Journals<'_>, verdict: &mut Verdict) {
    let mut logged: BTreeMap<Room, Place> = BTreeMap::new();
    for (number, life) in lives.iter().enumerate() {
        let mut heard: BTreeMap<Room, Place> = BTreeMap::new();
        for line in life {
            match line {
                Line::Position(room, seq, tag) => {
                    // Back from what was forgotten it must.
                    let fell = |logged: &Place| logged.0 > *seq && journals.last_has(*room, *logged);
                    if logged.get(room).is_some_and(fell) {
                        verdict.doubled.push(format!("{name}, life {number}: {room} fell back to {}", seq.0));
                    }
                    if !journals.have(*room, (*seq, *tag)) {
                        let text = format!("{name}, life {number}: stood at {} of {room}, which no journal has", seq.0);
                        verdict.lost.push(text);
                    }
                    heard.insert(*room, (*seq, *tag));
                }
                Line::Rebuilt(room) => {
                    heard.remove(room);
                }
                Line::Missed => heard.clear(),
                Line::Applied(room, seq, tag) => {
                    let place = (*seq, *tag);
                    if let Some(last) = heard.insert(*room, place) {
                        let text = || format!("{name}, life {number}: {room} from {} to {}", last.0.0, seq.0);
                        if *seq <= last.0 {
                            verdict.doubled.push(text());
                        } else if *seq != last.0.next() {
                            verdict.gaps.push(text());
                        } else if journals.have(*room, last)
                            && journals.have(*room, place)
                            && !journals.have_both(*room, last, place)
                        {
                            verdict.gaps.push(format!("{}, which follow each other in no journal", text()));
                        }
                    }
                    logged.insert(*room, place);
                    if !journals.have(*room, place) {
                        verdict.lost.push(format!("{name}: applied {} of {room}, which no journal has", seq.0));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Where the cache stood when a life began, it also showed what had happened up to there. (A cache that was filled from
/// the state may show later things already, and one that was only begun to be filled is not looked at.)
fn check_effects(name: &str, life: &Life, journals: &Journals<'_>, verdict: &mut Verdict) {
    let shown: BTreeSet<&str> =
        life.iter().filter_map(|line| if let Line::Shows(mark) = line { Some(mark.as_str()) } else { None }).collect();
    for line in life {
        let Line::Position(room, seq, tag) = line else { continue };
        if life.contains(&Line::Rebuilding(*room)) {
            continue;
        }
        let is_ahead = |mark: &&str| {
            let mut entries = journals.marked(mark).into_iter().chain(journals.marked_before(mark));
            entries.any(|entry| entry.room == *room && entry.seq > *seq)
        };
        if shown.iter().any(is_ahead) {
            continue;
        }
        for mark in journals.newest(*room, (*seq, *tag)).filter(|mark| !shown.contains(mark)) {
            verdict.lost.push(format!("{name}: the cache stands at {} of {room} and does not show {mark}", seq.0));
        }
    }
}

#[cfg(test)]
mod tests;
