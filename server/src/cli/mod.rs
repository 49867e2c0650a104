//! The command line: what can be asked for. What is done about it stands in one file per noun.

#![allow(clippy::doc_markdown, reason = "clap shows these texts as they stand")]

mod init;
mod logging;
mod password;
mod place;
mod project;
mod serve;
mod signals;
mod table;
mod token;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Watchbell's realtime server: rooms, live analyses, notifications and presence for a team.
///
/// Everything it keeps lies in one data folder: the configuration, the signing key and an SQLite database.
#[derive(Debug, Parser)]
#[command(
    name = "watchbell-server",
    version,
    after_long_help = "\
Getting started:
  watchbell-server --dir /srv/watchbell init
  watchbell-server --dir /srv/watchbell user add ada
  watchbell-server --dir /srv/watchbell project add web
  watchbell-server --dir /srv/watchbell project member add web ada
  watchbell-server --dir /srv/watchbell serve

Configuration, later ones win:
  1. the file FOLDER/watchbell-server.toml, or the one named by --config; `init` writes it with every option
  2. the environment: WATCHBELL_<SECTION>_<KEY>, such as WATCHBELL_SERVER_LISTEN=0.0.0.0:7077
  3. flags, and --set SECTION.KEY=VALUE for those that have none

Exit codes: 0 done, 1 it failed, 2 the arguments or the configuration are wrong."
)]
pub struct Args {
    /// The data folder [default: watchbell-data; also server.data_dir, WATCHBELL_SERVER_DATA_DIR]
    #[arg(long, global = true, help_heading = "Configuration", value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// The configuration file [default: watchbell-server.toml in the data folder]
    #[arg(long, global = true, help_heading = "Configuration", value_name = "FILE", env = "WATCHBELL_CONFIG")]
    config: Option<PathBuf>,

    /// Set any option of the configuration, such as --set auth.sign_in=7d; may be repeated
    #[arg(long, global = true, help_heading = "Configuration", value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the data folder: configuration, signing key, database
    ///
    /// What is already there is left as it is, so that running it again is harmless.
    Init,
    /// Run the server until SIGTERM or Ctrl-C
    ///
    /// Prints one line with the address once it listens. Logs go to standard error. On SIGTERM or Ctrl-C it tells
    /// clients to come back later and ends within ten seconds.
    #[command(after_long_help = "\
Examples:
  watchbell-server serve --listen 127.0.0.1:0        a free port; the printed line says which
  watchbell-server serve --listen 0.0.0.0:7077       behind a proxy with TLS
  watchbell-server serve --log-format json --log-level info,watchbell_server=debug")]
    Serve(serve::Flags),
    /// Add people, change their passwords, keep them out
    #[command(subcommand)]
    User(user::Action),
    /// Add projects, and say who belongs to them
    #[command(subcommand)]
    Project(project::Action),
    /// Make and revoke API tokens for CI and scripts
    #[command(subcommand)]
    Token(token::Action),
}

/// Why nothing came of it.
enum Failure {
    /// The arguments or the configuration are wrong.
    Usage(anyhow::Error),
    /// It was tried and failed.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Does what the arguments ask for. Errors are told on standard error, once, with their causes.
pub fn run(args: Args) -> ExitCode {
    let (error, code) = match act(args) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => (error, 2),
        Err(Failure::Failed(error)) => (error, 1),
    };
    eprintln!("error: {error:#}");
    ExitCode::from(code)
}

fn act(args: Args) -> Result<(), Failure> {
    let flags = match &args.action {
        Action::Serve(flags) => flags.options(),
        Action::Init | Action::User(_) | Action::Project(_) | Action::Token(_) => Vec::new(),
    };
    let place = place::find(args.dir.as_deref(), args.config, &args.set, flags).map_err(Failure::Usage)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Failed(error.into()))?;
    let done = match args.action {
        Action::Init => runtime.block_on(init::init(&place)),
        Action::Serve(_) => runtime.block_on(serve::serve(place.config)),
        Action::User(action) => runtime.block_on(user::act(action, &place)),
        Action::Project(action) => runtime.block_on(project::act(action, &place)),
        Action::Token(action) => runtime.block_on(token::act(action, &place)),
    };
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
