//! `watchbell analyze`: its own runner for one analysis, with a server or without.

mod live;
mod outgoing;
mod run;

use std::path::{Path, PathBuf};

use watchbell_analysis::{Plan, PlanError, PlanOptions, detector_names};
use watchbell_protocol::event::AnalysisState;

use self::{
    live::Live,
    run::{Ran, Run},
};
use crate::{
    args::{Analyze, Common},
    connect::{Access, Part, project_name},
    exit::{Exit, Failure},
    face::{self, Face, words},
    format,
    interrupt::Interrupts,
    outcome::Outcome,
};

/// Runs detectors over a folder, shows how far they are, and gives the result.
pub async fn analyze(common: &Common, args: Analyze, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let destination = Destination::new(args.output.clone())?;
    let prepared = tokio::select! {
        prepared = prepare(common, &args) => prepared?,
        () = interrupts.stop.cancelled() => return Err(Failure::cancelled("cancelled before it began")),
    };
    let face = Face::fitting(common.quiet);
    let Ran { outcome, lost } = Run::new(prepared.plan, prepared.live, face).finish(&interrupts.stop).await;
    let text = format::render(&outcome, args.format, destination.has_colours());
    destination.write(&text)?;
    if destination.is_file() && !common.quiet {
        face::say(&summary(&outcome, destination.file.as_deref()));
    }
    match lost {
        Some(reason) if outcome.state != AnalysisState::Cancelled => {
            Err(Failure::server(format!("the server does not have the whole result: {reason}")))
        }
        Some(reason) => {
            face::say(&format!("watchbell: the server was not told of the end: {reason}"));
            Ok(Exit::Cancelled)
        }
        None => Ok(outcome.exit(args.fail_on.threshold(), &asked(&args))),
    }
}

/// The detectors that were asked for by name, but for those that were left out by name.
fn asked(args: &Analyze) -> Vec<String> {
    args.only.iter().filter(|name| !args.skip.contains(name)).map(|name| name.trim().to_owned()).collect()
}

struct Prepared {
    plan: Plan,
    live: Option<Live>,
}

/// Everything that can go wrong before anything runs.
async fn prepare(common: &Common, args: &Analyze) -> Result<Prepared, Failure> {
    if args.local {
        return Ok(Prepared { plan: plan(args).await?, live: None });
    }
    let project = project_name(common).map_err(or_local)?;
    let access = Access::find(common).await.map_err(or_local)?;
    let plan = plan(args).await?;
    let link = access.open(project, Part::Listener).await.map_err(or_local)?;
    let client = link.client.clone();
    match Live::start(link, &plan).await {
        Ok(live) => Ok(Prepared { plan, live: Some(live) }),
        Err(failure) => {
            client.shutdown().await;
            Err(failure)
        }
    }
}

/// Whatever is wrong with the server, there is a way without one.
fn or_local(mut failure: Failure) -> Failure {
    failure.message.push_str(", or analyze without a server: watchbell analyze --local");
    failure
}

async fn plan(args: &Analyze) -> Result<Plan, Failure> {
    let skip = args.skip.iter().map(|name| (name.trim().to_owned(), "left out by --skip".to_owned())).collect();
    let only = args.only.iter().map(|name| name.trim().to_owned()).collect();
    let options = PlanOptions { only, skip, ..PlanOptions::default() };
    let plan = watchbell_analysis::plan(&args.path, &options).await.map_err(|error| match error {
        PlanError::Folder { .. } | PlanError::NoCache => Failure::usage(error.to_string()),
        PlanError::UnknownDetector { name, .. } => {
            let known = detector_names().collect::<Vec<_>>().join(", ");
            Failure::usage(format!("there is no detector {name:?}; there are: {known}"))
        }
    })?;
    Ok(plan)
}

/// A line for the terminal when the result itself went to a file.
fn summary(outcome: &Outcome, file: Option<&Path>) -> String {
    let file = file.map(|file| format!("; the result is in {}", file.display())).unwrap_or_default();
    format!("{}: {}{file}", words::state(outcome.state), words::found(&outcome.counts()))
}

/// Where the result goes.
struct Destination {
    file: Option<PathBuf>,
}

impl Destination {
    /// Refuses a file that cannot be written before anything runs.
    fn new(file: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(file) = &file {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if file.is_dir() {
                return Err(Failure::usage(format!("--output {} is a folder, not a file", file.display())));
            }
            if !folder.is_dir() {
                return Err(Failure::usage(format!("--output: there is no folder {}", folder.display())));
            }
        }
        Ok(Self { file })
    }

    fn is_file(&self) -> bool {
        self.file.is_some()
    }

    fn has_colours(&self) -> bool {
        self.file.is_none() && console::colors_enabled()
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        match &self.file {
            Some(file) => std::fs::write(file, text).map_err(|error| {
                Failure::incomplete(format!("the result could not be written to {}: {error}", file.display()))
            }),
            None => face::print(text)
                .map(drop)
                .map_err(|error| Failure::incomplete(format!("the result could not be written: {error}"))),
        }
    }
}
