//! The arguments, and the help that teaches them. Parsing only: nothing here reads a file or asks a server.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use url::Url;
use watchbell_client::address;
use watchbell_protocol::{
    Text,
    event::{Level, Severity},
    limits,
};

const OVERVIEW: &str = "\
Examples:
  watchbell analyze --local                     analyze this folder, without any server
  watchbell login --server https://bell.example.com
  watchbell analyze --project web               analyze this folder; the team watches it live
  watchbell status --project web --follow       who is here, what runs, what happened
  watchbell notify --project web --title \"Release 1.4 is out\" --level success
  make | watchbell logs build --project web --send

In CI, set WATCHBELL_SERVER, WATCHBELL_PROJECT and WATCHBELL_TOKEN (made by
`watchbell-server token create`); no login is needed then.";

const ANALYZE: &str = "\
Examples:
  watchbell analyze --local                     this folder, without a server
  watchbell analyze ~/src/web --project web     that folder, live for the project's members
  watchbell analyze --only ruff,typos           just these detectors
  watchbell analyze --fail-on high              exit code 1 if anything high or critical is found
  watchbell analyze --format sarif --output result.sarif

Detectors are chosen by the files that are there and the tools that are installed; those left out
are listed with the reason. Detectors run code of the folder (build scripts, plugins,
configuration): analyze only what you would build.

Exit codes:
    0  done, nothing found at or above --fail-on
    1  done, something found at or above --fail-on
    2  arguments, configuration or sign-in are wrong; nothing was done
    3  the result is incomplete: a detector failed, one named in --only could not run, or the result
       could not be written
    4  the server could not be reached, refused, or took the analysis away
  130  cancelled: Ctrl-C, SIGTERM, or by a member of the project
When several apply, 130 goes before 4, 4 before 1, and 1 before 3.

Formats (the result goes to standard output, or to --output; progress goes to standard error):
  human  a table by detector and severity, then the worst issues
  json   one object:
           version           1; fields may be added within a version
           state             complete, cancelled or failed
           analysis          {id, number, project, server}, or null with --local
           root, branch, revision, files, started_at (Unix milliseconds), ms
           counts            {critical, high, medium, low, info}
           detectors         [{name, version, state, reason, counts, ms}]
           not_applicable    [{name, reason}]: detectors that do not fit the folder
           cut               issues left out beyond the limit of one analysis
           issues            [{fingerprint, detector, rule, severity, message, path, line,
                             column, end_line, help}], worst first
  sarif  SARIF 2.1.0, one run per detector";

const LOGIN: &str = "\
Asks for what is not given, signs in, and keeps the sign-in in the system's keyring (Secret Service
on Linux, Keychain on macOS, Credential Manager on Windows): never in a file. A new login ends the
one before it. Without a keyring, as in CI, set WATCHBELL_TOKEN instead.

Examples:
  watchbell login
  watchbell login --server https://bell.example.com --name ada
  pass show bell | watchbell login --server https://bell.example.com --name ada --password-stdin";

const NOTIFY: &str = "\
Examples:
  watchbell notify --project web --title \"Release 1.4 is out\" --level success
  watchbell notify --project web --title \"Staging is up\" --link https://staging.example.com
  watchbell notify --project web --title \"Nightly failed\" --level error --body \"See the log of step 3\"

An API token needs the scope `notify`.

Exit codes: 0 the server has taken it, 2 arguments or sign-in are wrong, 4 the server could not be
reached or refused.";

const STATUS: &str = "\
Examples:
  watchbell status --project web                who is here, what runs, the last events
  watchbell status --project web --follow       the same, then live; you are shown as online
  watchbell status --project web --follow --json | jq .

With --json every line is one object: first {\"kind\":\"snapshot\",…} with the project as it is, then,
with --follow, one object per change, told apart by `kind`: connection, people, analysis, progress,
issues, activity, arrived. Ctrl-C ends it with exit code 0.";

const LOGS: &str = "\
Examples:
  watchbell logs build --project web            lines of the log `build` as they are written
  make 2>&1 | watchbell logs build --project web --send

Lines are shown while they are written, and are kept nowhere: nobody gets those from before, or from
while the connection was away. Lines that this machine or its network was too slow for are counted
on standard error. Colours and other control characters are left out.

With --send lines are read from standard input until it ends, and written to the log; longer ones
than 4096 bytes become several. While the server is away, reading waits for it.

An API token needs the scope `report:logs` to send, and `analysis:run` to look.

Exit codes: 0 the server has taken every line, or Ctrl-C while looking; 2 arguments or sign-in are
wrong, 3 lines may be missing, 4 the server could not be reached or refused, 130 Ctrl-C while
sending.";

/// Live code analysis for a team: run it here, and everyone sees it happen.
#[derive(Debug, Parser)]
#[command(name = "watchbell", version, max_term_width = 100, after_long_help = OVERVIEW, arg_required_else_help = true)]
pub struct Args {
    /// What every command understands.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// The server's address; the one of the last login if not given
    #[arg(long, global = true, env = "WATCHBELL_SERVER", value_name = "URL", value_parser = address::parse)]
    pub server: Option<Url>,
    /// The project's name
    #[arg(long, short, global = true, env = "WATCHBELL_PROJECT", value_name = "NAME")]
    pub project: Option<String>,
    /// No progress, only the result and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say on standard error what happens inside; twice says more
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in to a server and keep the sign-in in the system's keyring
    #[command(after_long_help = LOGIN)]
    Login(Login),
    /// Sign out: the server forgets the sign-in, and so does the keyring
    Logout,
    /// Run detectors over a folder, live for the project's members
    #[command(after_long_help = ANALYZE)]
    Analyze(Analyze),
    /// Send a notification to the project's members
    #[command(after_long_help = NOTIFY)]
    Notify(Notify),
    /// Who is here, what runs, what happened last in a project
    #[command(after_long_help = STATUS)]
    Status(Status),
    /// Show a project's log while it is written, or write to it
    #[command(after_long_help = LOGS)]
    Logs(Logs),
}

/// `watchbell login`.
#[derive(Debug, clap::Args)]
pub struct Login {
    /// The name to sign in with; asked for if not given
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Read the password from standard input (its first line) instead of asking
    #[arg(long)]
    pub password_stdin: bool,
}

/// `watchbell analyze`.
#[derive(Debug, clap::Args)]
pub struct Analyze {
    /// The folder to analyze
    #[arg(default_value = ".", value_name = "PATH")]
    pub path: PathBuf,
    /// Without a server: nothing leaves this machine
    #[arg(long)]
    pub local: bool,
    /// Run only these detectors (names, separated by commas)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub only: Vec<String>,
    /// Leave these detectors out (names, separated by commas)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub skip: Vec<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Write the result to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with code 1 if anything as bad as this, or worse, is found
    #[arg(long, value_enum, default_value_t = FailOn::Never, value_name = "SEVERITY")]
    pub fail_on: FailOn,
}

/// The form of an analysis's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table and the worst issues
    Human,
    /// One JSON object
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// From which severity on finding something is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Critical only
    Critical,
    /// High and worse
    High,
    /// Medium and worse
    Medium,
    /// Low and worse
    Low,
    /// Anything at all
    Info,
    /// Findings are no failure
    Never,
}

impl FailOn {
    /// The least severity that is a failure, if any is.
    pub fn threshold(self) -> Option<Severity> {
        match self {
            Self::Critical => Some(Severity::Critical),
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Info => Some(Severity::Info),
            Self::Never => None,
        }
    }
}

/// `watchbell notify`.
#[derive(Debug, clap::Args)]
pub struct Notify {
    /// One line
    #[arg(long, value_name = "TEXT", value_parser = title)]
    pub title: String,
    /// More, if there is more to say
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub body: String,
    /// How much it matters
    #[arg(long, value_enum, default_value_t = NotifyLevel::Info)]
    pub level: NotifyLevel,
    /// Where a click leads (http or https)
    #[arg(long, value_name = "URL", value_parser = web_link)]
    pub link: Option<Url>,
}

/// How much a notification matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NotifyLevel {
    /// Good to know
    Info,
    /// Something went well
    Success,
    /// Look at it
    Warning,
    /// Look at it now
    Error,
}

impl From<NotifyLevel> for Level {
    fn from(level: NotifyLevel) -> Self {
        match level {
            NotifyLevel::Info => Self::Info,
            NotifyLevel::Success => Self::Success,
            NotifyLevel::Warning => Self::Warning,
            NotifyLevel::Error => Self::Error,
        }
    }
}

/// `watchbell status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// Stay, and show what happens as it happens
    #[arg(long, short)]
    pub follow: bool,
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `watchbell logs`.
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// The log's name
    #[arg(value_name = "LOG", value_parser = log_name)]
    pub log: LogName,
    /// Write what comes on standard input to the log, instead of showing it
    #[arg(long)]
    pub send: bool,
    /// Show each line byte by byte as it was written, for another program: colours and all. What is longer than a line may
    /// be comes as several
    #[arg(long, conflicts_with = "send")]
    pub raw: bool,
}

/// The name of a log.
pub type LogName = Text<{ limits::SOURCE_BYTES }>;

/// A link that a click may open: nothing but the web.
fn web_link(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("only http and https links can be sent, not {other}")),
    }
}

/// A title says something.
fn title(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("is empty".into()) } else { Ok(text.to_owned()) }
}

/// A log has a name of one line.
fn log_name(text: &str) -> Result<LogName, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("must be one line, not empty".into());
    }
    LogName::try_from(text).map_err(|error| error.to_string())
}
