//! Does a plan: starts the programs, commits the faults, lets everything come to rest, and has the logs checked.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use watchbell_client::Client;

use super::{
    caches::{self, Contents},
    checker::{self, Verdict},
    line::Line,
    member::{Life, Member, complaints},
    plan::{Fault, Step},
};
use crate::server::{PASSWORD, Server};

/// Two projects, so that rooms are told apart, of members who each are in one.
const CREWS: [(&str, [&str; 3]); 2] = [("compiler", ["maya", "ines", "tomas"]), ("kernel", ["aiko", "jonas", "lena"])];
/// Members of a project, at most.
pub const CREW: usize = CREWS[0].1.len();
/// How long everything may take to come to rest after the last fault.
const REST: Duration = Duration::from_secs(90);
/// Complaints of one kind that are shown.
const SHOWN: usize = 10;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// Of which seed.
    pub seed: u64,
    /// Rows in the journal.
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
pub async fn run(seed: u64, lasts: Duration, crew: usize, steps: &[Step]) -> Result<Report> {
    let mut stage = Stage::set(crew).await?;
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
    let Stage { mut server, members, server_kills, client_kills } = stage;
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
    let mut verdict = checker::check(&journal, &logs);
    verdict.lost.extend(unrest);
    for ((name, _), (old, (_, new))) in logs.iter().zip(old.iter().zip(&fresh)) {
        let (old, new) = (Contents::read(old).await?, Contents::read(new).await?);
        verdict.lost.extend(old.differences(&new, &feeds).into_iter().map(|text| format!("{name}'s cache: {text}")));
        eprint!("{}", complaints(&folder, name));
    }
    describe(&logs);
    Ok(Report { seed, events: journal.len(), server_kills, client_kills, verdict })
}

/// How much was said and heard, to judge what a verdict is worth.
fn describe(logs: &[(String, Vec<Life>)]) {
    let count =
        |is: fn(&Line) -> bool| logs.iter().flat_map(|(_, lives)| lives).flatten().filter(|line| is(line)).count();
    let commands = count(|line| matches!(line, Line::Sent(..)));
    let acknowledged = count(|line| matches!(line, Line::Acknowledged(..)));
    let refused = count(|line| matches!(line, Line::Refused(_)));
    let applied = count(|line| matches!(line, Line::Applied(..)));
    let missed = count(|line| matches!(line, Line::Missed));
    eprintln!(
        "{commands} commands queued, {acknowledged} acknowledged to a living process, {refused} refused; {applied} events \
         heard, {missed} times told that some were not"
    );
}

/// The programs of a run.
struct Stage {
    server: Server,
    members: Vec<Member>,
    server_kills: usize,
    client_kills: usize,
}

/// One half of a fault.
#[derive(Debug, Clone, Copy)]
enum Act {
    Begin(Fault),
    Heal(Fault),
}

impl Stage {
    async fn set(crew: usize) -> Result<Self> {
        let [(first, one), (second, two)] = CREWS;
        let (one, two) = (&one[..crew], &two[..crew]);
        let server = Server::start(first, one).await;
        server.admin(&["project", "add", second], None).await;
        for name in two {
            server.admin(&["user", "add", name, "--password-stdin"], Some(PASSWORD)).await;
            server.admin(&["project", "member", "add", second, name], None).await;
        }
        let address = address(&server)?;
        let mut members = Vec::new();
        for (number, name) in one.iter().chain(two).enumerate() {
            members.push(Member::start(&server, address, number, name).await?);
        }
        Ok(Self { server, members, server_kills: 0, client_kills: 0 })
    }

    fn journal(&self) -> PathBuf {
        self.server.data().join("watchbell.db")
    }

    /// Commits the faults, each at its time or as soon as the one before is done.
    async fn act(&mut self, lasts: Duration, steps: &[Step]) -> Result<()> {
        let began = Instant::now();
        for (at, act) in acts(steps) {
            sleep_until(began + at.min(lasts)).await;
            match act {
                Act::Begin(fault) => self.begin(fault).await?,
                Act::Heal(fault) => self.heal(fault),
            }
        }
        sleep_until(began + lasts).await;
        Ok(())
    }

    async fn begin(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::KillServer => {
                self.server.kill().await;
                self.server.restart().await;
                self.server_kills += 1;
            }
            Fault::KillClient(member) => {
                self.members[member].kill().await?;
                self.client_kills += 1;
            }
            Fault::FreezeServer(_) => self.server.freeze(),
            Fault::Cut(member, _) => self.members[member].net.cut(),
            Fault::FreezeNet(member, _) => self.members[member].net.freeze(),
            Fault::SlowNet(member, _) => self.members[member].net.slow(),
        }
        Ok(())
    }

    fn heal(&self, fault: Fault) {
        match fault {
            Fault::KillServer | Fault::KillClient(_) => {}
            Fault::FreezeServer(_) => self.server.thaw(),
            Fault::Cut(member, _) | Fault::FreezeNet(member, _) | Fault::SlowNet(member, _) => {
                self.members[member].net.heal();
            }
        }
    }

    /// Everything is healed and nobody publishes any more; says who does not come to an end.
    async fn rest(&mut self) -> Result<Vec<String>> {
        let mut unrest = Vec::new();
        for member in &mut self.members {
            if !member.finish(REST).await? {
                unrest.push(format!("{}: commands still wait for the server", member.name));
            }
        }
        Ok(unrest)
    }

    /// New devices of all members, which know only the state.
    async fn fresh(&self) -> Result<Vec<(Client, PathBuf)>> {
        let mut fresh = Vec::new();
        for member in &self.members {
            let cache = format!("fresh-{}.db", member.name);
            let client = self.server.client(&member.name, &cache).await;
            let live = timeout(REST, client.live()).await.context("a new device does not get up to date")?;
            live.map_err(anyhow::Error::msg)?;
            fresh.push((client, self.server.folder().join(cache)));
        }
        Ok(fresh)
    }

    /// Freezes the server at a moment at which everybody is at the head of their rooms; `false` if there is none.
    async fn stand_still(&self, fresh: &[(Client, PathBuf)]) -> bool {
        let deadline = Instant::now() + REST;
        let old = self.members.iter().map(Member::cache);
        let caches: Vec<PathBuf> = old.chain(fresh.iter().map(|(_, cache)| cache.clone())).collect();
        while Instant::now() < deadline {
            self.server.freeze();
            if all_at_heads(&self.journal(), &caches).await.unwrap_or(false) {
                return true;
            }
            self.server.thaw();
            sleep(Duration::from_millis(200)).await;
        }
        self.server.freeze();
        false
    }
}

/// Begins and ends of the faults, in order.
fn acts(steps: &[Step]) -> Vec<(Duration, Act)> {
    let mut acts = Vec::new();
    for Step { at, fault } in steps {
        acts.push((*at, Act::Begin(*fault)));
        match fault {
            Fault::KillServer | Fault::KillClient(_) => {}
            Fault::FreezeServer(lasts)
            | Fault::Cut(_, lasts)
            | Fault::FreezeNet(_, lasts)
            | Fault::SlowNet(_, lasts) => {
                acts.push((*at + *lasts, Act::Heal(*fault)));
            }
        }
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

async fn all_at_heads(journal: &Path, caches: &[PathBuf]) -> Result<bool> {
    let heads = caches::heads(journal).await?;
    for cache in caches {
        let positions = caches::positions(cache).await?;
        let places: BTreeMap<_, _> = positions.iter().map(|(room, at)| (*room, (at.seq, at.tag))).collect();
        let at_heads = places.iter().all(|(room, place)| heads.get(room).copied().unwrap_or_default() == *place);
        if places.is_empty() || !at_heads {
            return Ok(false);
        }
    }
    Ok(true)
}

fn address(server: &Server) -> Result<SocketAddr> {
    let addresses = server.url().socket_addrs(|| None)?;
    addresses.first().copied().context("the server has an address")
}
