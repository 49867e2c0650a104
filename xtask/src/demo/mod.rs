//! `cargo xtask demo`: the main job with real parts. A server with its database, two members, the desktop app of the
//! first, the command line of the second, an analysis, the issues on the screen, a popup.
//!
//! Deliberately absent: anything the members could not do themselves. The demo only types faster.

mod cast;
mod latency;
mod popups;
mod report;
mod stage;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use self::{
    cast::{App, Follower},
    popups::Witness,
    stage::{Screen, Stage},
};
use crate::{
    install, processes,
    shell::{cargo, root, run as run_command, say, step},
};

/// What the person asked for.
#[derive(Debug)]
pub struct Options {
    /// A virtual display even if there is a real one.
    pub headless: bool,
    /// Where pictures and figures go.
    pub out: Option<PathBuf>,
    /// What to analyse.
    pub repo: Option<PathBuf>,
    /// Detectors that have to compile it first, by name.
    pub with: Vec<String>,
    /// `light` or `dark`.
    pub theme: String,
}

/// The longest an analysis may take: with clippy it compiles a repository on two cores.
const ANALYSIS: Duration = Duration::from_mins(20);

/// From how many per cent on a picture shows a running analysis well.
const SHOWN_AT: f64 = 30.0;

/// Runs it. Everything it started is gone when it returns, however it ends.
pub fn run(options: &Options) -> Result<()> {
    let start = Instant::now();
    let repository = repository(options)?;
    let out = options.out.as_deref().map(prepare).transpose()?;
    // Pictures need a screen of known size with nothing else on it.
    let virtual_screen = options.headless || out.is_some() || !stage::has_display();
    step("installing what is missing", || install_all(virtual_screen))?;
    step("building the UI", || install::npm(&["run", "--silent", "build"]))?;
    step("building server, command line and app", build)?;

    let folder = tempfile::Builder::new().prefix("watchbell-demo-").tempdir()?;
    let screen = step("a desktop session", || Screen::open(folder.path(), virtual_screen))?;
    let stage = step("server with embedded SQLite, two members, one project", || Stage::open(folder.path(), &screen))?;
    let mut app = step("the desktop app, signed in as Maya", || App::start(&stage, &screen, &options.theme))?;
    let mut follower = step("`watchbell status --follow`, signed in as Ines", || Follower::start(&stage, &screen))?;
    step("both are online, and see it", || follower.wait_for_members(2))?;
    perform(options, &repository, out.as_deref(), &screen, &stage, &mut app, &mut follower)?;
    say(format_args!("all of it took {:.0} s", start.elapsed().as_secs_f64()));

    if !virtual_screen {
        say("the app stays open; Ctrl-C ends it, the server and everything else");
        while processes::check().is_ok() && app.is_running() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// The analysis, from its start to the popup.
fn perform(
    options: &Options,
    repository: &Path,
    out: Option<&Path>,
    screen: &Screen,
    stage: &Stage,
    app: &mut App,
    follower: &mut Follower,
) -> Result<()> {
    let witness = Witness::start(&mut screen.command("dbus-monitor", &[]), stage.folder().join("bus.log"))?;
    screen.look_away()?;
    let left_out = if options.with.iter().any(|name| name == "clippy") { &[][..] } else { &["clippy"] };
    for name in left_out {
        say(format_args!(
            "{name} would have to compile the repository first and is left out (`--with {name}` runs it)"
        ));
    }
    let mut analysis = step("`watchbell analyze`, signed in as Ines", || {
        let mut analysis = cast::Analysis::start(stage, screen, repository, left_out)?;
        app.wait_for_progress(&mut analysis)?;
        follower.wait_for_percent(SHOWN_AT)?;
        app.wait_for_next_progress()?;
        if let Some(out) = out {
            app.picture(screen, &out.join("overview-running.png"))?;
        }
        Ok(analysis)
    })?;
    let result = step("the analysis, and its issues on the screen", || {
        let result = analysis.finish(ANALYSIS)?;
        follower.wait_for_end()?;
        Ok(result)
    })?;
    let popups = step("the native popup, while the window has no focus", || {
        app.wait_for_popup()?;
        screen.wait_for_popup()?;
        processes::wait_for("the popup on the bus", Duration::from_secs(10), || {
            Ok(Some(witness.popups()?).filter(|popups| !popups.is_empty()))
        })
    })?;
    for popup in &popups {
        say(format_args!("popup ({}): {} | {}", popup.urgency, popup.summary, popup.body.replace('\n', " ")));
    }
    let report = report::Report::new(&result, popups, &app.log()?, follower.online()?)?;
    if let Some(out) = out {
        app.still_picture(screen, &out.join("overview-done.png"))?;
        screen.picture(&out.join("popup.png"))?;
        report.write(&out.join("demo.json"))?;
    }
    report.say();
    Ok(())
}

/// What to analyse, checked before anything is built for it.
fn repository(options: &Options) -> Result<PathBuf> {
    let Some(repo) = &options.repo else { return Ok(root()) };
    let folder = repo.canonicalize().with_context(|| format!("--repo {}", repo.display()))?;
    anyhow::ensure!(folder.is_dir(), "--repo {} is no folder", repo.display());
    Ok(folder)
}

fn prepare(out: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    Ok(out.canonicalize()?)
}

fn install_all(virtual_screen: bool) -> Result<()> {
    install::packages(&[install::BUILD])?;
    if virtual_screen {
        install::packages(&[install::SESSION])?;
    }
    install::ui_packages()
}

fn build() -> Result<()> {
    run_command(&mut cargo(&["build", "-p", "watchbell-server", "-p", "watchbell", "-p", "watchbell-desktop"]))
}
