//! A member's process: a real client that publishes without end, says on its output what it did and heard, and is killed
//! at any moment. Whoever started it asks it by a line of input to finish, and ends it by closing the input.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines, Stdin, stdin},
    time::{MissedTickBehavior, interval, sleep},
};
use url::Url;
use watchbell_client::{CacheLocation, Client, Credentials, Events, Heard, Options, Pending, SessionStore, Timing};
use watchbell_protocol::{AnalysisId, Command, Room, http::SignInDevice};

use super::{
    caches,
    line::Line,
    work::{self, Sent},
};
use crate::runner;

/// Between two rounds of commands.
const PACE: Duration = Duration::from_millis(120);
/// With more commands than this waiting for the server a round is left out.
const WAITING: u32 = 8;
/// Reports of one analysis.
const REPORTS: u32 = 40;

/// The name of the cache in a member's folder.
pub const CACHE: &str = "cache.db";
/// The name of the newest refresh token in a member's folder.
pub const TOKEN: &str = "token";
/// The name of the device in a member's folder.
pub const DEVICE: &str = "device.json";
/// What asks a member to come to an end.
pub const FINISH: &str = "finish";

/// Who a process is.
#[derive(Debug, Clone)]
pub struct Voice {
    /// The server, through the member's network.
    pub server: Url,
    /// Cache, token and device.
    pub folder: PathBuf,
    /// The member's number.
    pub member: usize,
    /// How often the process was started before.
    pub life: u32,
}

impl Voice {
    /// Lives until the input ends.
    pub async fn run(self) -> Result<()> {
        let cache = self.folder.join(CACHE);
        for room in caches::rebuilding(&cache).await? {
            say(&Line::Rebuilding(room));
        }
        for mark in caches::shown(&cache).await? {
            say(&Line::Shows(mark));
        }
        // Last: who is killed before this has said nothing that could be held against it.
        for (room, position) in caches::positions(&cache).await? {
            say(&Line::Position(room, position.seq, position.tag));
        }
        let client = open(&self.server, &self.folder, cache).await?;
        let hearing = tokio::spawn(hear(client.events()));
        let mut input = BufReader::new(stdin()).lines();
        let (room, asked) = {
            let (mut project, mut asked) = (std::pin::pin!(project(&client)), Asked::Nothing);
            loop {
                tokio::select! {
                    room = &mut project => break (room?, asked),
                    line = input.next_line() => match line? {
                        // What an earlier life left in the outbox has to be answered all the same.
                        Some(line) if line == FINISH => asked = Asked::ToFinish,
                        Some(_) => {}
                        None => return Ok(()),
                    }
                }
            }
        };
        let mut publisher = Publisher { voice: self, room, analysis: None, n: 0, ended: Arc::default(), client };
        publisher.publish(&mut input, asked).await?;
        publisher.client.shutdown().await;
        // The last handle: nothing more can be heard, so the listener ends after what it has.
        drop(publisher);
        hearing.await.context("the listener ended badly")
    }
}

async fn open(server: &Url, folder: &Path, cache: PathBuf) -> Result<Client> {
    let device: SignInDevice = serde_json::from_slice(&fs::read(folder.join(DEVICE))?)?;
    let token = fs::read_to_string(folder.join(TOKEN))?;
    // A frozen network is to be found out within the run.
    let timing = Timing { silence: Duration::from_secs(3), ping_every: Duration::from_millis(500), ..Timing::fast() };
    let options = Options { timing, ..Options::new(server.clone(), CacheLocation::File(cache), device) };
    let store = Arc::new(TokenFile(folder.join(TOKEN)));
    Client::open(options, Credentials::Refresh(token), store).await.context("the client does not open")
}

/// Keeps the refresh token over kills: the old or the new one is there, never half of one.
struct TokenFile(PathBuf);

impl SessionStore for TokenFile {
    fn save(&self, refresh_token: &str) {
        let next = self.0.with_extension("next");
        fs::write(&next, refresh_token).and_then(|()| fs::rename(&next, &self.0)).expect("the token can be written");
    }

    fn clear(&self) {
        panic!("the server refused the sign-in");
    }
}

/// The member's only project, as soon as it is known.
async fn project(client: &Client) -> Result<Room> {
    loop {
        if let Some(project) = client.projects().await?.first() {
            return Ok(Room::Project(project.id));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn hear(mut events: Events) {
    while let Some(heard) = events.next().await {
        match heard {
            Heard::Rebuilt { room } => say(&Line::Rebuilt(room)),
            Heard::Missed { .. } => say(&Line::Missed),
            // Nobody looks at a stream.
            Heard::Gap { .. } => {}
            Heard::Event(event) => {
                if let (Some(seq), Some(tag)) = (event.seq, event.tag) {
                    say(&Line::Applied(event.room, seq, tag));
                }
            }
        }
    }
}

/// What a process was asked for before it knew its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    ToFinish,
}

/// What publishes, and the client.
struct Publisher {
    voice: Voice,
    client: Client,
    room: Room,
    /// The analysis at work, and how many reports it had.
    analysis: Option<(AnalysisId, u32)>,
    /// The number of the next marked command.
    n: u32,
    /// The server refused something: the analysis is over.
    ended: Arc<AtomicBool>,
}

impl Publisher {
    /// Publishes until it is asked to finish, brings everything to its end, and waits for the end of the input.
    async fn publish(&mut self, input: &mut Lines<BufReader<Stdin>>, mut asked: Asked) -> Result<()> {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while asked == Asked::Nothing {
            tokio::select! {
                line = input.next_line() => match line? {
                    Some(line) if line == FINISH => asked = Asked::ToFinish,
                    Some(_) => {}
                    None => return Ok(()),
                },
                _ = pace.tick() => if self.client.connection().waiting <= WAITING {
                    self.round().await?;
                }
            }
        }
        self.end().await?;
        tokio::select! {
            () = self.client.drained() => say(&Line::Drained),
            _ = input.next_line() => return Ok(()),
        }
        input.next_line().await?;
        Ok(())
    }

    /// One report of many events, and a few single ones behind it.
    async fn round(&mut self) -> Result<()> {
        if self.ended.swap(false, Ordering::Relaxed) {
            self.analysis = None;
        }
        let (analysis, reports) = match self.analysis {
            Some((analysis, reports)) if reports < REPORTS => (analysis, reports),
            _ => {
                self.end().await?;
                (self.send(runner::start(), Sent::Start).await?.into(), 0)
            }
        };
        self.analysis = Some((analysis, reports + 1));
        let (report, sent) = work::report(analysis, self.voice.member, self.voice.life, self.number());
        self.send(report, sent).await?;
        let (post, sent) = work::post(self.voice.member, self.voice.life, self.number());
        self.send(post, sent).await.map(drop)
    }

    async fn end(&mut self) -> Result<()> {
        match self.analysis.take() {
            Some((analysis, _)) => self.send(runner::end(analysis), Sent::End).await.map(drop),
            None => Ok(()),
        }
    }

    fn number(&mut self) -> u32 {
        self.n += 1;
        self.n
    }

    async fn send(&self, command: impl Into<Command>, sent: Sent) -> Result<watchbell_protocol::CommandId> {
        let pending = self.client.begin(Some(self.room), command).await?;
        let id = pending.id;
        say(&Line::Sent(id, sent));
        tokio::spawn(answered(pending, Arc::clone(&self.ended)));
        Ok(id)
    }
}

async fn answered(pending: Pending, ended: Arc<AtomicBool>) {
    let id = pending.id;
    match pending.answer().await {
        Ok(answer) => say(&Line::Acknowledged(id, answer.room.zip(answer.seq))),
        Err(watchbell_client::RequestError::Refused(error)) => {
            eprintln!("{id} was refused: {error}");
            ended.store(true, Ordering::Relaxed);
            say(&Line::Refused(id));
        }
        // What is not answered stays in the outbox: the next life sends it again.
        Err(_) => {}
    }
}

/// Writes a line at once. Nobody is left to tell when the reader has gone.
fn say(line: &Line) {
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}
