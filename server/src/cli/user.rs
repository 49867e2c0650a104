//! `user`: people who may sign in.

use anyhow::{Context, bail};
use clap::Subcommand;
use serde::Serialize;
use watchbell_protocol::{UnixMillis, UserId, http::Account};
use watchbell_server::{
    clock::Clock,
    store::{Conn, accounts},
};

use super::{password, place::Place, table};

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Add somebody; asks for their password
    #[command(after_long_help = "\
Examples:
  watchbell-server user add ada --display-name 'Ada Lovelace'
  pass show watchbell/ada | watchbell-server user add ada --password-stdin")]
    Add {
        /// The name to sign in and to be mentioned with: lower-case letters, digits, '-', '_' and '.'
        name: String,
        /// The name to show [default: the name]
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// Read the password from the first line of standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// List everybody
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Keep somebody out: no sign-in any more, and live connections end within seconds
    Disable {
        /// Who
        name: String,
    },
    /// Let somebody in again; they have to sign in anew
    Enable {
        /// Who
        name: String,
    },
    /// Set a new password; ends every sign-in of theirs
    Password {
        /// Whose
        name: String,
        /// Read the password from the first line of standard input instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
}

/// Does it.
pub async fn act(action: Action, place: &Place) -> anyhow::Result<()> {
    match action {
        Action::Add { name, display_name, password_stdin } => add(place, &name, display_name, password_stdin).await,
        Action::List { json } => list(place, json).await,
        Action::Disable { name } => set_disabled(place, &name, true).await,
        Action::Enable { name } => set_disabled(place, &name, false).await,
        Action::Password { name, password_stdin } => set_password(place, &name, password_stdin).await,
    }
}

async fn add(place: &Place, name: &str, display_name: Option<String>, password_stdin: bool) -> anyhow::Result<()> {
    check_name(name)?;
    let display_name = display_name.unwrap_or_else(|| name.to_owned());
    if display_name.trim().is_empty() || display_name.chars().any(char::is_control) {
        bail!("the display name must be one line, not empty");
    }
    let account = Account {
        id: UserId::fresh(),
        name: name.try_into().context("the name")?,
        display_name: display_name.trim().try_into().context("the display name")?,
    };
    let store = place.open_store().await?;
    if accounts::credentials(&mut *store.look().await?, name).await?.is_some() {
        bail!("there is a user {name:?} already");
    }
    let hash = password::ask_new(name, password_stdin).await?;
    let mut tx = store.write().await?;
    if !accounts::insert(&mut tx, &account, &hash, Clock.now()).await? {
        bail!("there is a user {name:?} already");
    }
    tx.commit().await?;
    println!("added {name} ({})", account.id);
    Ok(())
}

/// Names are typed, mentioned and compared: one spelling only.
fn check_name(name: &str) -> anyhow::Result<()> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c));
    if !plain || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.len() > 64 {
        bail!("{name:?} is no user name: up to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit");
    }
    Ok(())
}

async fn list(place: &Place, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        account: &'a Account,
        created_at: UnixMillis,
        disabled_at: Option<UnixMillis>,
        last_seen: Option<UnixMillis>,
    }

    let store = place.open_store().await?;
    let users = accounts::all(&mut *store.look().await?).await?;
    if json {
        let rows = users.iter().map(|user| Row {
            account: &user.account,
            created_at: user.created_at,
            disabled_at: user.disabled_at,
            last_seen: user.last_seen,
        });
        return table::print_json(&rows.collect::<Vec<_>>());
    }
    let rows = users.iter().map(|user| {
        let state = if user.disabled_at.is_some() { "disabled" } else { "active" };
        let Account { name, display_name, .. } = &user.account;
        vec![name.to_string(), display_name.to_string(), state.into(), table::when(user.last_seen)]
    });
    table::print(&["NAME", "SHOWN AS", "STATE", "LAST SEEN (UTC)"], rows.collect(), "there are no users yet");
    Ok(())
}

async fn set_disabled(place: &Place, name: &str, disabled: bool) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let now = Clock.now();
    let mut tx = store.write().await?;
    let user = find(&mut tx, name).await?;
    let changed = accounts::set_disabled(&mut tx, user, disabled.then_some(now)).await?;
    if disabled {
        accounts::revoke_all(&mut tx, user, now).await?;
    }
    tx.commit().await?;
    let state = if disabled { "disabled" } else { "enabled" };
    println!("{name} {} {state}", if changed { "is now" } else { "was already" });
    Ok(())
}

async fn set_password(place: &Place, name: &str, password_stdin: bool) -> anyhow::Result<()> {
    let store = place.open_store().await?;
    let user = find(&mut *store.look().await?, name).await?;
    let hash = password::ask_new(name, password_stdin).await?;
    let mut tx = store.write().await?;
    accounts::set_password(&mut tx, user, &hash).await?;
    let ended = accounts::revoke_all(&mut tx, user, Clock.now()).await?;
    tx.commit().await?;
    println!("{name} has a new password; sign-ins that ended: {ended}");
    Ok(())
}

/// The user of this name.
pub async fn find(conn: &mut Conn, name: &str) -> anyhow::Result<UserId> {
    let found = accounts::credentials(conn, name).await?;
    Ok(found.with_context(|| format!("there is no user {name:?}; `user list` shows them"))?.user.account.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_has_one_spelling() {
        for good in ["ada", "ada.l", "a-1_b", "7of9"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Ada", "ada l", "-ada", ".", "ädä", "ada@x", &"a".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
