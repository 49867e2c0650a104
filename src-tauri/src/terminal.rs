//! What the app does when it is started from a terminal with arguments: sign in without a window, or say its version.
//!
//! For computers that are set up by script. Without arguments none of this happens. Deliberately absent: a password as an
//! argument, which every process of the machine could read.

use std::{
    io::{BufRead as _, IsTerminal as _, stdin},
    path::Path,
    process::exit,
};

use clap::{Parser, Subcommand};
use directories::BaseDirs;
use watchbell_client::http;

use crate::{
    keyring::Keyring,
    session::{SignInForm, account, device},
    settings::SettingsFile,
    view::AppError,
};

/// Watchbell's desktop app. Without a command it opens the window.
#[derive(Parser)]
#[command(name = "watchbell-desktop", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Sign in without the window; the app is signed in at its next start. Needs a keyring to keep the sign-in in.
    SignIn {
        /// The server's address, such as bell.example.com.
        #[arg(long)]
        server: String,
        /// Your name on the server.
        #[arg(long)]
        name: String,
        /// Read the password from the standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

/// Does what the arguments ask for and ends the process; comes back if the window is to be opened. `identifier` names the
/// app's folders.
pub fn answer(identifier: &str) {
    let Some(Command::SignIn { server, name, .. }) = Arguments::parse().command else { return };
    match sign_in(identifier, server, name) {
        Ok(signed_in) => println!("{signed_in}"),
        Err(error) => {
            eprintln!("{}", error.message);
            exit(1);
        }
    }
    exit(0);
}

fn sign_in(identifier: &str, server: String, name: String) -> Result<String, AppError> {
    let folders = BaseDirs::new().ok_or_else(|| AppError::new("This account has no home folder."))?;
    let mut settings = SettingsFile::open(&folders.config_dir().join(Path::new(identifier))).map_err(AppError::new)?;
    let form = SignInForm { address: server, name, password: read_password()? };
    let (server, form) = form.check(device(settings.get().device))?;
    tauri::async_runtime::block_on(async {
        let answer = http::sign_in(&server, form).await?;
        Keyring::default().save(&account(&server, &answer.account.name), &answer.refresh_token).await?;
        settings.change(|settings| settings.signed_in(&server, &answer)).map_err(AppError::new)?;
        Ok(format!("{} is signed in to {}.", answer.account.display_name, answer.server))
    })
}

fn read_password() -> Result<String, AppError> {
    if stdin().is_terminal() {
        return Err(AppError::new("Pipe the password in; at a terminal, sign in in the window."));
    }
    let mut password = String::new();
    stdin().lock().read_line(&mut password).map_err(AppError::new)?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}
