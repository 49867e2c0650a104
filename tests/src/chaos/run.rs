//! Does a plan from its beginning to the verdict: the faults, then rest, then everything that was logged and kept on disk
//! is checked.

use std::{fmt, fs, path::Path, time::Duration};

use anyhow::Result;

use super::{
    caches::{self, Contents},
    checker::{self, Verdict},
    journals::Forgotten,
    line::Line,
    member::{Life, complaints},
    plan::Step,
    stage::{Stage, Transport},
};

/// Complaints of one kind that are shown.
const SHOWN: usize = 10;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// Of which seed.
    pub seed: u64,
    /// Events that the server numbered: the rows of its journal, and those that it forgot when a copy was put back.
    pub events: usize,
    /// Times the server was killed.
    pub server_kills: usize,
    /// Times a member's process was killed.
    pub client_kills: usize,
    /// What the checker found.
    pub verdict: Verdict,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { lost, doubled, gaps } = &self.verdict;
        for (kind, complaints) in [("lost", lost), ("doubled", doubled), ("unflagged gap", gaps)] {
            for complaint in complaints.iter().take(SHOWN) {
                writeln!(f, "{kind}: {complaint}")?;
            }
            if complaints.len() > SHOWN {
                writeln!(f, "{kind}: … and {} more", complaints.len() - SHOWN)?;
            }
        }
        let Self { seed, events, server_kills, client_kills, .. } = self;
        write!(
            f,
            "seed {seed}: {events} durable events, {server_kills} server kills, {client_kills} client kills: {} lost, {} \
             doubled, {} unflagged gaps",
            lost.len(),
            doubled.len(),
            gaps.len()
        )
    }
}

/// Runs the steps on a fresh server with `crew` members of each of two projects, who publish until `lasts` is over.
pub async fn run(seed: u64, lasts: Duration, crew: usize, transport: Transport, steps: &[Step]) -> Result<Report> {
    let mut stage = Stage::set(crew, transport).await?;
    stage.act(lasts, steps).await?;
    eprintln!("the faults are over");
    let mut unrest = stage.rest().await?;
    eprintln!("everything is answered");
    let (journal_file, folder) = (stage.journal(), stage.server.folder().to_owned());
    let fresh = stage.fresh().await?;
    eprintln!("new devices are up to date");
    if !stage.stand_still(&fresh).await {
        unrest.push("the members did not reach the heads of their rooms".to_owned());
    }
    eprintln!("everything stands still");
    let Stage { mut server, members, disk, server_kills, client_kills, forgotten, .. } = stage;
    let (mut logs, mut old) = (Vec::new(), Vec::new());
    for member in members {
        old.push(member.cache());
        let name = member.name.clone();
        logs.push((name, member.end().await?));
    }
    for (client, _) in &fresh {
        client.shutdown().await;
    }
    server.kill().await;
    let (journal, feeds) = caches::journal(&journal_file).await?;
    let mut verdict = checker::check(&journal, &forgotten, &logs);
    verdict.lost.extend(unrest);
    let held = if forgotten.is_empty() { caches::FEED } else { caches::REBUILT_FEED };
    for ((name, _), (old, (_, new))) in logs.iter().zip(old.iter().zip(&fresh)) {
        let (old, new) = (Contents::read(old).await?, Contents::read(new).await?);
        verdict
            .lost
            .extend(old.differences(&new, &feeds, held).into_iter().map(|text| format!("{name}'s cache: {text}")));
        eprint!("{}", complaints(&folder, name));
    }
    describe(&logs, &forgotten, &folder);
    // What is mounted in its folder goes before the folder.
    drop(disk);
    let events = journal.len() + forgotten.iter().map(Forgotten::len).sum::<usize>();
    Ok(Report { seed, events, server_kills, client_kills, verdict })
}

/// How much was said and heard, to judge what a verdict is worth.
fn describe(logs: &[(String, Vec<Life>)], forgotten: &[Forgotten], folder: &Path) {
    let count =
        |is: fn(&Line) -> bool| logs.iter().flat_map(|(_, lives)| lives).flatten().filter(|line| is(line)).count();
    let commands = count(|line| matches!(line, Line::Sent(..)));
    let acknowledged = count(|line| matches!(line, Line::Acknowledged(..)));
    let refused = count(|line| matches!(line, Line::Refused(_)));
    let applied = count(|line| matches!(line, Line::Applied(..)));
    let missed = count(|line| matches!(line, Line::Missed));
    let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let unwritten = log.lines().filter(|line| line.contains("nothing could be written")).count();
    let gone: usize = forgotten.iter().map(Forgotten::len).sum();
    eprintln!(
        "{commands} commands queued, {acknowledged} acknowledged to a living process, {refused} refused; {applied} events \
         heard, {missed} times told that some were not; {unwritten} commits that the disk refused; {gone} events forgotten \
         in {} copies put back",
        forgotten.len()
    );
}
