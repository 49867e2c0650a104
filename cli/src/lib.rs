//! The command line of Watchbell: `login`, `logout`, `analyze`, `notify`, `status`, `logs`.
//!
//! Standard output carries results only; everything else goes to standard error. What goes wrong is said in one line
//! that tells what to do, and in the exit code.

pub mod args;
pub mod commands;
pub mod connect;
pub mod exit;
pub mod face;
pub mod format;
pub mod interrupt;
pub mod keyring;
pub mod outcome;
pub mod profile;
pub mod session;

use std::time::Duration;

use self::{
    args::{Args, Command},
    exit::{Exit, Failure},
    interrupt::Interrupts,
};

/// How long background work may take to end once the command is done.
const GRACE: Duration = Duration::from_millis(500);

/// Runs one command; says what went wrong, if something did.
pub fn run(args: Args) -> Exit {
    trace(args.common.verbose);
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(command(args));
            runtime.shutdown_timeout(GRACE);
            result
        }
        Err(error) => Err(Failure::usage(format!("the system gives no threads: {error}"))),
    };
    result.unwrap_or_else(|failure| {
        face::say(&format!("watchbell: {failure}"));
        failure.exit
    })
}

async fn command(Args { common, command }: Args) -> Result<Exit, Failure> {
    // Signing in waits on the terminal, where Ctrl-C has to work as everywhere.
    let interrupts = match command {
        Command::Login(_) | Command::Logout => Interrupts::default(),
        Command::Analyze(_) | Command::Notify(_) | Command::Status(_) | Command::Logs(_) => Interrupts::listen(),
    };
    let work = async {
        match command {
            Command::Login(args) => commands::login::login(&common, args).await,
            Command::Logout => commands::login::logout(&common).await,
            Command::Analyze(args) => commands::analyze::analyze(&common, args, &interrupts).await,
            Command::Notify(args) => commands::notify::notify(&common, args, &interrupts).await,
            Command::Status(args) => commands::status::status(&common, &args, &interrupts).await,
            Command::Logs(args) => commands::logs::logs(&common, &args, &interrupts).await,
        }
    };
    tokio::select! {
        result = work => result,
        () = interrupts.insist.cancelled() => Err(Failure::cancelled("left at once; nothing was waited for")),
    }
}

/// Logs go to standard error, and only when asked for.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => "error",
        1 => "warn,watchbell=info,watchbell_client=info,watchbell_analysis=info",
        _ => "info,watchbell=debug,watchbell_client=debug,watchbell_analysis=debug",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    // A second call, as in tests, keeps the first subscriber.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let lines = lines.with_ansi(console::colors_enabled_stderr());
    // A line that cannot be written is lost; told on standard error as well, it would be a panic.
    let _ = lines.log_internal_errors(false).try_init();
}
