//! Who plays: the app of the first member, the command line of the second.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    latency,
    stage::{INES, MAYA, PROJECT, Screen, Stage},
};
use crate::{
    processes::{Process, wait_for},
    shell::{binary, quietly},
};

/// How long the window, a sign-in or a message may take. They take a second on an idle machine.
const SOON: Duration = Duration::from_mins(1);

/// The field with which the app logs how long a progress value took to the painted frame, milliseconds.
pub const PROGRESS_TO_SCREEN: &str = "progress_to_screen_ms";
/// The same from the server's commit of a notification to the daemon that took the popup.
pub const NOTIFICATION_TO_POPUP: &str = "notification_to_popup_ms";

/// The desktop app.
#[derive(Debug)]
pub struct App {
    process: Process,
    window: String,
    log: PathBuf,
}

impl App {
    /// Signs in, starts it, and waits for its window.
    pub fn start(stage: &Stage, screen: &Screen, theme: &str) -> Result<Self> {
        let log = stage.folder().join("app.log");
        let prepared = |args: &[&str]| {
            let mut command = screen.command(binary("watchbell-desktop"), args);
            private_folders(&mut command, &stage.folder().join("maya"));
            command
                .env("WATCHBELL_LOG", "info,watchbell=debug")
                .env("WATCHBELL_LOG_FORMAT", "json")
                .env("GTK_THEME", if theme == "dark" { "Adwaita:dark" } else { "Adwaita" });
            command
        };
        let sign_in = ["sign-in", "--server", stage.address(), "--name", MAYA.name, "--password-stdin"];
        stage.with_password(&mut prepared(&sign_in)).context("the app could not sign in")?;
        let process = Process::start("the app", &mut prepared(&[]), &log)?;
        let mut app = Self { process, window: String::new(), log };
        if matches!(screen, Screen::Virtual(_)) {
            app.window = app.find_window(screen)?;
            quietly(&mut screen.command("xdotool", &["windowmove", "--sync", &app.window, "0", "0"]))?;
        }
        Ok(app)
    }

    fn find_window(&mut self, screen: &Screen) -> Result<String> {
        wait_for("the app's window", SOON, || {
            ensure!(self.process.is_running(), "the app ended; its log: {}", self.log.display());
            let search = ["search", "--onlyvisible", "--name", "^Watchbell$"];
            let found = quietly(&mut screen.command("xdotool", &search)).unwrap_or_default();
            Ok(found.lines().next().map(str::to_owned))
        })
    }

    /// Whether nobody has closed it.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Waits until a progress value was painted.
    pub fn wait_for_progress(&self, analysis: &mut Analysis) -> Result<()> {
        wait_for("progress on the screen", SOON, || {
            let painted = !latency::values(&self.log()?, PROGRESS_TO_SCREEN).is_empty();
            ensure!(painted || analysis.is_running(), "the analysis ended unseen:\n{}", analysis.said()?);
            Ok(painted.then_some(()))
        })
    }

    /// Waits until one more was painted, which is newer than all that was heard elsewhere before; or for a moment, when
    /// there is none to come.
    pub fn wait_for_next_progress(&self) -> Result<()> {
        let painted = || Ok::<_, anyhow::Error>(latency::values(&self.log()?, PROGRESS_TO_SCREEN).len());
        let before = painted()?;
        let deadline = Instant::now() + Duration::from_secs(2);
        wait_for("the next progress", SOON, || Ok((painted()? > before || Instant::now() > deadline).then_some(())))
    }

    /// Waits until a popup was handed to the daemon.
    pub fn wait_for_popup(&self) -> Result<()> {
        self.wait_for_logged("a popup", NOTIFICATION_TO_POPUP)
    }

    fn wait_for_logged(&self, what: &str, field: &str) -> Result<()> {
        wait_for(what, SOON, || Ok((!latency::values(&self.log()?, field).is_empty()).then_some(())))
    }

    /// What it has logged so far.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// Takes a picture of its window.
    pub fn picture(&self, screen: &Screen, file: &Path) -> Result<()> {
        let file = file.to_string_lossy().into_owned();
        // Without the time in the file, two pictures of the same are the same.
        let import = ["-define", "png:exclude-chunks=date,time", "-window", &self.window, &file];
        quietly(&mut screen.command("import", &import)).map(drop)
    }

    /// Takes a picture when nothing moves any more: bars glide for a moment after the end.
    pub fn still_picture(&self, screen: &Screen, file: &Path) -> Result<()> {
        let mut before = Vec::new();
        wait_for("a window in which nothing moves", SOON, || {
            self.picture(screen, file)?;
            let now = std::fs::read(file)?;
            let is_still = now == before;
            before = now;
            std::thread::sleep(Duration::from_millis(500));
            Ok(is_still.then_some(()))
        })
    }
}

/// `watchbell status --follow --json`.
#[derive(Debug)]
pub struct Follower {
    _process: Process,
    log: PathBuf,
}

impl Follower {
    /// Signs in and starts it.
    pub fn start(stage: &Stage, screen: &Screen) -> Result<Self> {
        let login = ["login", "--server", stage.address(), "--name", INES.name, "--password-stdin"];
        stage.with_password(&mut ines(stage, screen, &login)).context("`watchbell login` failed")?;
        let log = stage.folder().join("status.log");
        let mut follow = ines(stage, screen, &["status", "--follow", "--json", "--project", PROJECT]);
        Ok(Self { _process: Process::start("watchbell status", &mut follow, &log)?, log })
    }

    /// Waits until that many members are online.
    pub fn wait_for_members(&mut self, count: usize) -> Result<()> {
        wait_for("both members online", SOON, || Ok((self.online()?.len() >= count).then_some(())))
    }

    /// Who is online, by name, as it was last told.
    pub fn online(&self) -> Result<Vec<String>> {
        let lines = self.lines()?;
        let people = lines.iter().rev().find_map(|line| line["people"].as_array());
        let online = people.into_iter().flatten().filter(|person| person["status"] == "online");
        Ok(online.filter_map(|person| person["display_name"].as_str().map(str::to_owned)).collect())
    }

    /// Waits until it has told that the analysis is that far, or over.
    pub fn wait_for_percent(&self, percent: f64) -> Result<()> {
        let is_far =
            |line: &Value| line["progress"]["percent"].as_f64().is_some_and(|now| now >= percent) || has_ended(line);
        wait_for("progress, at the other member", SOON, || Ok(self.lines()?.iter().any(is_far).then_some(())))
    }

    /// Waits until it has told the end of an analysis.
    pub fn wait_for_end(&mut self) -> Result<()> {
        wait_for("the end of the analysis, at the other member", SOON, || {
            Ok(self.lines()?.iter().any(has_ended).then_some(()))
        })
    }

    fn lines(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.log)?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

fn has_ended(line: &Value) -> bool {
    line["kind"] == "analysis" && line["analysis"]["state"] == "complete"
}

/// `watchbell analyze`.
#[derive(Debug)]
pub struct Analysis {
    process: Process,
    result: PathBuf,
    log: PathBuf,
}

impl Analysis {
    /// Starts it.
    pub fn start(stage: &Stage, screen: &Screen, repository: &Path, left_out: &[&str]) -> Result<Self> {
        let (result, log) = (stage.folder().join("result.json"), stage.folder().join("analyze.log"));
        let (path, output) = (repository.to_string_lossy(), result.to_string_lossy());
        let left_out = left_out.join(",");
        let mut args = vec!["analyze", &path, "--project", PROJECT, "--format", "json", "--output", &output];
        if !left_out.is_empty() {
            args.extend(["--skip", &left_out]);
        }
        let process = Process::start("watchbell analyze", &mut ines(stage, screen, &args), &log)?;
        Ok(Self { process, result, log })
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// What it printed.
    pub fn said(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?.trim_end().to_owned())
    }

    /// Waits for its end; its result.
    pub fn finish(&mut self, at_most: Duration) -> Result<Value> {
        let code = self.process.wait(at_most)?;
        let log = self.said()?;
        // 3: a detector failed, which the report says; everything else was done.
        ensure!(matches!(code, Some(0 | 3)), "`watchbell analyze` ended with {code:?}:\n{log}");
        Ok(serde_json::from_slice(&std::fs::read(&self.result)?)?)
    }
}

/// A `watchbell` command of the second member.
fn ines(stage: &Stage, screen: &Screen, args: &[&str]) -> Command {
    let mut command = screen.command(binary("watchbell"), args);
    private_folders(&mut command, &stage.folder().join("ines"));
    command
}

/// Each member has a machine of their own; on a real desktop this also keeps the person's own settings untouched.
fn private_folders(command: &mut Command, home: &Path) {
    for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache")] {
        command.env(name, home.join(folder));
    }
}
