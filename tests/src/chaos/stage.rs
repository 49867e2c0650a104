//! The programs of a run, each a process of its own, and what is done to them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use watchbell_client::Client;

use super::{
    caches,
    disk::Disk,
    journals::Forgotten,
    member::Member,
    plan::{Fault, Step},
    yesterday::Yesterday,
};
use crate::{
    proxy::RefusingProxy,
    server::{PASSWORD, Server},
};

/// How members reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    /// By a WebSocket.
    Websocket,
    /// By long-poll: they are behind a proxy that refuses every upgrade.
    Poll,
}

/// Two projects, so that rooms are told apart, of members who each are in one.
const CREWS: [(&str, [&str; 3]); 2] = [("compiler", ["maya", "ines", "tomas"]), ("kernel", ["aiko", "jonas", "lena"])];
/// Members of a project, at most.
pub const CREW: usize = CREWS[0].1.len();
/// How long everything may take to come to rest after the last fault.
const REST: Duration = Duration::from_secs(90);

/// The programs of a run.
pub struct Stage {
    /// The server's disk; `None` where it can't have its own.
    pub disk: Option<Disk>,
    /// The server.
    pub server: Server,
    /// Everybody.
    pub members: Vec<Member>,
    /// Times the server was killed.
    pub server_kills: usize,
    /// Times a member's process was killed.
    pub client_kills: usize,
    /// What the server forgot whenever a copy was put back.
    pub forgotten: Vec<Forgotten>,
    copy: Option<Yesterday>,
    /// What stands between the networks and the server, if anything; it is gone when dropped.
    pub proxy: Option<RefusingProxy>,
}

/// One half of a fault.
#[derive(Debug, Clone, Copy)]
enum Act {
    Begin(Fault),
    Heal(Fault),
}

impl Stage {
    /// Starts a fresh server, and `crew` members of each of two projects.
    pub async fn set(crew: usize, transport: Transport) -> Result<Self> {
        let [(first, one), (second, two)] = CREWS;
        let (one, two) = (&one[..crew], &two[..crew]);
        let mut server = Server::start(first, one).await;
        server.admin(&["project", "add", second], None).await;
        for name in two {
            server.admin(&["user", "add", name, "--password-stdin"], Some(PASSWORD)).await;
            server.admin(&["project", "member", "add", second, name], None).await;
        }
        server.kill().await;
        let disk = Disk::under(&server.data())?;
        server.restart().await;
        let (proxy, address) = match transport {
            Transport::Websocket => (None, server.address()),
            Transport::Poll => {
                let proxy = RefusingProxy::before(server.address()).await?;
                let address = proxy.address();
                (Some(proxy), address)
            }
        };
        let mut members = Vec::new();
        for (number, name) in one.iter().chain(two).enumerate() {
            members.push(Member::start(&server, address, number, name).await?);
        }
        Ok(Self { disk, server, members, server_kills: 0, client_kills: 0, forgotten: Vec::new(), copy: None, proxy })
    }

    /// The server's database.
    pub fn journal(&self) -> PathBuf {
        self.server.data().join("watchbell.db")
    }

    /// Commits the faults, each at its time or as soon as the one before is done.
    pub async fn act(&mut self, lasts: Duration, steps: &[Step]) -> Result<()> {
        let began = Instant::now();
        for (at, act) in acts(steps) {
            sleep_until(began + at.min(lasts)).await;
            match act {
                Act::Begin(fault) => self.begin(fault).await?,
                Act::Heal(fault) => self.heal(fault).await?,
            }
        }
        sleep_until(began + lasts).await;
        Ok(())
    }

    async fn begin(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::KillServer => {
                self.server.kill().await;
                self.server_kills += 1;
                // Nobody starts a server on a full disk.
                self.free_disk()?;
                self.server.restart().await;
            }
            Fault::KillClient(member) => {
                self.members[member].kill().await?;
                self.client_kills += 1;
            }
            Fault::FreezeServer(_) => self.server.freeze(),
            Fault::Cut(member, _) => self.members[member].net.cut(),
            Fault::FreezeNet(member, _) => self.members[member].net.freeze(),
            Fault::SlowNet(member, _) => self.members[member].net.slow(),
            Fault::FullDisk(_) => match &self.disk {
                Some(disk) => disk.fill().await?,
                None => eprintln!("a full disk is left out: this machine lets nobody mount one"),
            },
            Fault::CopyBack(_) => {
                self.server.freeze();
                self.copy = Some(Yesterday::take(&self.server.data(), self.server.folder().join("yesterday"))?);
                self.server.thaw();
            }
        }
        Ok(())
    }

    async fn heal(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::KillServer | Fault::KillClient(_) => {}
            Fault::FreezeServer(_) => self.server.thaw(),
            Fault::Cut(member, _) | Fault::FreezeNet(member, _) | Fault::SlowNet(member, _) => {
                self.members[member].net.heal();
            }
            Fault::FullDisk(_) => self.free_disk()?,
            Fault::CopyBack(_) => {
                self.server.kill().await;
                self.server_kills += 1;
                let copy = self.copy.take().context("was copied")?;
                self.forgotten.push(copy.put_back(&self.server.data()).await?);
                self.server.restart().await;
            }
        }
        Ok(())
    }

    fn free_disk(&self) -> Result<()> {
        self.disk.as_ref().map_or(Ok(()), Disk::free)
    }

    /// Everything is healed and nobody publishes any more; says who does not come to an end.
    pub async fn rest(&mut self) -> Result<Vec<String>> {
        let mut unrest = Vec::new();
        for member in &mut self.members {
            if !member.finish(REST).await? {
                unrest.push(format!("{}: commands still wait for the server", member.name));
            }
        }
        Ok(unrest)
    }

    /// New devices of all members, which know only the state.
    pub async fn fresh(&self) -> Result<Vec<(Client, PathBuf)>> {
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
    pub async fn stand_still(&self, fresh: &[(Client, PathBuf)]) -> bool {
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

/// Begins and ends of the faults, in order. What would last beyond the end of the plan ends with it.
fn acts(steps: &[Step]) -> Vec<(Duration, Act)> {
    let mut acts = Vec::new();
    for Step { at, fault } in steps {
        acts.push((*at, Act::Begin(*fault)));
        acts.extend(fault.lasts().map(|lasts| (*at + lasts, Act::Heal(*fault))));
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
