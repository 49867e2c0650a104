//! An installed tool at work: its processes started, their output parsed while it comes, and all of them gone at the
//! end, whichever it is.

use std::{ops::ControlFlow, path::Path, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::AsyncReadExt,
    process::{ChildStderr, ChildStdout},
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::worker::{Ending, Over, Report, Site, Voice};
use crate::{
    builtin::secrets,
    detector::{self, Call, Format, ReadError, Tool},
    finding::Scribe,
    process::{Environment, Group, Order, Pipe, Tail, pipe},
    scratch,
};

/// Output of one process that is read.
const OUTPUT: u64 = 256 * 1024 * 1024;
/// Issues of one detector that are taken; the run holds fewer anyway.
const ISSUES: usize = 100_000;
/// How long is waited for the last words of a process that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

pub(super) async fn run(
    tool: &'static Tool,
    program: &Path,
    name: &str,
    mut scribe: Scribe,
    site: &Arc<Site>,
    voice: &Voice,
) -> Over {
    let deadline = Instant::now() + site.timeout;
    let cache = match scratch::tool_cache(&site.cache, name, &site.tree.root) {
        Ok(cache) => cache,
        Err(error) => return over(Ending::Failed(format!("no place for its cache: {error}")), &scribe),
    };
    let calls = (tool.calls)(&detector::Site { tree: &site.tree, program, cache: &cache });
    let count = calls.len();
    for (done, call) in calls.into_iter().enumerate() {
        let end;
        (scribe, end) = one(tool, call, scribe, site, voice, deadline).await;
        if end != Ending::Complete {
            return over(end, &scribe);
        }
        if count > 1 {
            voice.say(Report::Share((done + 1) as f32 / count as f32)).await;
        }
    }
    over(Ending::Complete, &scribe)
}

fn over(end: Ending, scribe: &Scribe) -> Over {
    Over { end, outside: scribe.outside }
}

/// Runs one command to its end.
async fn one(
    tool: &'static Tool,
    call: Call,
    mut scribe: Scribe,
    site: &Arc<Site>,
    voice: &Voice,
    deadline: Instant,
) -> (Scribe, Ending) {
    let base = match base(tool, &call, site, deadline).await {
        Ok(base) => base,
        Err(end) => return (scribe, end),
    };
    scribe.set_base(&base);
    let name = call.program.file_stem().unwrap_or(call.program.as_os_str()).to_string_lossy().into_owned();
    let (mut group, stdout, stderr) = match Group::start(&order(tool, call, site)) {
        Ok(started) => started,
        Err(error) => return (scribe, Ending::Failed(format!("{name} cannot be started: {error}"))),
    };
    let (end, reader) = pipe(OUTPUT);
    let exited = CancellationToken::new();
    let copied = tokio::spawn(end.copy(stdout, exited.clone()));
    let parsed = parse(tool.format, reader, scribe, voice.clone());
    let words = last_words(stderr, exited.clone());

    let stopped = tokio::select! {
        biased;
        () = site.cancel.cancelled() => Some(Ending::Cancelled),
        ended = timeout_at(deadline, async { (group.wait().await, exited.cancel()) }) => match ended {
            Ok(_) => None,
            Err(_) => Some(Ending::Failed(format!("it took longer than {} s", site.timeout.as_secs()))),
        },
    };
    if stopped.is_some() {
        group.stop().await;
        exited.cancel();
    }
    let copied = copied.await;
    let (scribe, read) = match parsed.await {
        Ok(parsed) => parsed,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    let words = words.await.ok().and_then(|tail| tail.reason());
    let ending = match (stopped, copied, read) {
        (Some(ending), ..) => ending,
        (None, Ok(Err(_)), _) => Ending::Failed(format!("it wrote more than {} MiB", OUTPUT / 1024 / 1024)),
        (None, _, Ok(())) => Ending::Complete,
        (None, _, Err(error)) => Ending::Failed(reason(&error, words)),
    };
    (scribe, ending)
}

/// Why its output could not be read: mostly the tool said so itself.
fn reason(error: &ReadError, words: Option<String>) -> String {
    let text = match (error, words) {
        (ReadError::Json(_), Some(words)) => words,
        (error, _) => error.to_string(),
    };
    secrets::redact(&text, false)
}

fn order(tool: &Tool, call: Call, site: &Site) -> Order {
    let mut environment = Environment::new(&site.search, &site.home, &site.temp, tool.toolchain);
    environment.set(scratch::MARK, site.mark.as_ref());
    for (name, value) in &call.env {
        environment.set(name, value);
    }
    Order { program: call.program, args: call.args, folder: call.folder, environment }
}

/// The folder that relative paths in the output count from.
async fn base(tool: &Tool, call: &Call, site: &Site, deadline: Instant) -> Result<PathBuf, Ending> {
    let Some(args) = &call.base_from else {
        return Ok(call.folder.clone());
    };
    let ask = Call { args: args.clone(), base_from: None, ..call.clone() };
    let failed = |error: String| Ending::Failed(error);
    let (mut group, stdout, stderr) =
        Group::start(&order(tool, ask, site)).map_err(|error| failed(format!("it cannot be started: {error}")))?;
    let exited = CancellationToken::new();
    let words = last_words(stderr, exited.clone());
    let answer = tokio::select! {
        biased;
        () = site.cancel.cancelled() => Err(Ending::Cancelled),
        line = timeout_at(deadline, first_line(stdout)) => line.map_err(|_| failed("it does not answer".into())),
    };
    match answer {
        Ok(line) => {
            let _ = group.wait().await;
            exited.cancel();
            let folder = Path::new(&line).parent().filter(|_| !line.is_empty());
            if let Some(folder) = folder {
                return Ok(folder.to_path_buf());
            }
            let words = words.await.ok().and_then(|tail| tail.reason());
            Err(failed(words.unwrap_or_else(|| "it does not say where its paths count from".into())))
        }
        Err(end) => {
            group.stop().await;
            Err(end)
        }
    }
}

async fn first_line(stdout: ChildStdout) -> String {
    let mut bytes = Vec::new();
    // What cannot be read is no line.
    let _ = stdout.take(16 * 1024).read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().trim().to_owned()
}

/// Parses on a thread that may block; what is found goes out at once.
fn parse(
    format: Format,
    reader: Pipe,
    mut scribe: Scribe,
    voice: Voice,
) -> JoinHandle<(Scribe, Result<(), ReadError>)> {
    tokio::task::spawn_blocking(move || {
        let mut count = 0;
        let read = format.read(reader, &mut |finding| {
            if let Some(issue) = scribe.issue(finding) {
                count += 1;
                voice.say_blocking(Report::Found(Box::new(issue)));
            }
            if count < ISSUES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        (scribe, read)
    })
}

/// Follows the error output until it ends, or a moment after the process has (a descendant may hold it open).
fn last_words(stderr: ChildStderr, exited: CancellationToken) -> JoinHandle<Tail> {
    tokio::spawn(async move {
        let mut tail = Tail::default();
        let silence = async {
            exited.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = tail.follow(stderr) => {}
            () = silence => {}
        }
        tail
    })
}
