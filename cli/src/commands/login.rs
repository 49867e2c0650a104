//! `watchbell login` and `watchbell logout`.

use std::io::{BufRead, IsTerminal, Write};

use url::Url;
use watchbell_client::{address, http};
use watchbell_protocol::{
    DeviceId, Text,
    http::{SignIn, SignedIn},
    limits,
};

use crate::{
    args::{Common, Login},
    connect::{blocking, sign_in_failure, this_device},
    exit::{Exit, Failure},
    face,
    keyring::Keyring,
    profile::{ProfileFolder, SignedInServer},
    session::SharedSession,
};

/// Signs in, and keeps the sign-in in the keyring.
pub async fn login(common: &Common, args: Login) -> Result<Exit, Failure> {
    let folder = ProfileFolder::of_this_machine()?;
    let mut profile = folder.load()?;
    let url = match &common.server {
        Some(url) => url.clone(),
        None => ask_server(profile.current.as_ref())?,
    };
    let earlier = profile.find(Some(&url)).cloned();
    let name = match args.name {
        Some(name) => name,
        None => ask("Name", earlier.as_ref().map(|earlier| earlier.name.as_str()))?,
    };
    let device = earlier.as_ref().map_or_else(DeviceId::fresh, |earlier| earlier.device);
    let server = SignedInServer { url: url.clone(), name: name.clone(), device };

    // A password that leads nowhere is not asked for.
    let session = SharedSession::new(Keyring::of_this_system(), &folder, &server);
    let probe = session.clone();
    blocking(move || probe.newest()).await??;

    let form = SignIn {
        name: fitting("the name", name)?,
        password: fitting("the password", password(args.password_stdin)?)?,
        device: this_device(device),
    };
    let signed_in = http::sign_in(&url, form).await.map_err(|error| sign_in_failure(&error))?;
    let replaced = keep(session, &url, &signed_in).await?;
    profile.remember(server);
    folder.save(&profile)?;

    let other = earlier.filter(|earlier| earlier.name != signed_in.account.name.as_str());
    end_replaced(&folder, &url, replaced, other).await;
    if !common.quiet {
        face::say(&format!("Signed in to {} at {url} as {}", signed_in.server, signed_in.account.display_name));
    }
    Ok(Exit::Done)
}

/// Puts the new sign-in into the keyring; the one that was there before. A sign-in that cannot be kept is ended.
async fn keep(session: SharedSession, url: &Url, signed_in: &SignedIn) -> Result<Option<String>, Failure> {
    let token = signed_in.refresh_token.clone();
    let kept = blocking(move || {
        let _lock = session.lock().map_err(|error| Failure::usage(format!("the profile's lock: {error}")))?;
        let replaced = session.newest()?;
        session.keep(&token)?;
        Ok::<_, Failure>(replaced)
    });
    match kept.await? {
        Ok(replaced) => Ok(replaced),
        Err(failure) => {
            if let Err(error) = http::sign_out(url, &signed_in.refresh_token).await {
                tracing::warn!(%error, "the sign-in that could not be kept is not ended at the server");
            }
            Err(failure)
        }
    }
}

/// Ends what the new sign-in replaces: the same member's earlier one, or that of another name at the same server.
async fn end_replaced(folder: &ProfileFolder, url: &Url, replaced: Option<String>, other: Option<SignedInServer>) {
    let mut tokens: Vec<String> = replaced.into_iter().collect();
    if let Some(other) = other {
        let session = SharedSession::new(Keyring::of_this_system(), folder, &other);
        let removed = blocking(move || {
            let token = session.newest();
            session.forget().and(token)
        });
        match removed.await {
            Ok(Ok(token)) => tokens.extend(token),
            Ok(Err(error)) => tracing::warn!(%error, "the earlier sign-in stays in the keyring"),
            Err(error) => tracing::warn!(%error, "the earlier sign-in stays in the keyring"),
        }
    }
    for token in tokens {
        if let Err(error) = http::sign_out(url, &token).await {
            tracing::warn!(%error, "the earlier sign-in is not ended at the server");
        }
    }
}

/// Signs out: the server forgets the sign-in, and so does this machine.
pub async fn logout(common: &Common) -> Result<Exit, Failure> {
    let folder = ProfileFolder::of_this_machine()?;
    let mut profile = folder.load()?;
    let Some(server) = profile.find(common.server.as_ref()).cloned() else {
        return Err(Failure::usage("not signed in; nothing to sign out from"));
    };
    let session = SharedSession::new(Keyring::of_this_system(), &folder, &server);
    let removed = blocking(move || {
        let _lock = session.lock().map_err(|error| Failure::usage(format!("the profile's lock: {error}")))?;
        let token = session.newest()?;
        session.forget()?;
        Ok::<_, Failure>(token)
    });
    let token = removed.await??;
    profile.forget(&server.url);
    folder.save(&profile)?;

    if let Some(token) = token
        && let Err(error) = http::sign_out(&server.url, &token).await
        && !error.is_refusal()
    {
        let message = format!(
            "signed out on this machine, but the server could not be told ({error}); it ends the \
                               sign-in by itself when it is not renewed"
        );
        return Err(Failure::server(message));
    }
    if !common.quiet {
        face::say(&format!("Signed out from {}", server.url));
    }
    Ok(Exit::Done)
}

fn fitting<const MAX: usize>(what: &str, text: String) -> Result<Text<MAX>, Failure> {
    Text::try_from(text).map_err(|error| Failure::usage(format!("{what} {error}")))
}

fn ask_server(current: Option<&Url>) -> Result<Url, Failure> {
    let text = ask("Server", current.map(Url::as_str))?;
    address::parse(&text).map_err(|error| Failure::usage(error.to_string()))
}

/// Asks on the terminal; an empty answer means what is offered.
fn ask(what: &str, offered: Option<&str>) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        let flag = what.to_lowercase();
        return Err(Failure::usage(format!("no {flag} is given and nobody can be asked: pass --{flag}")));
    }
    let offer = offered.map(|offered| format!(" [{offered}]")).unwrap_or_default();
    let mut terminal = std::io::stderr();
    let _ = write!(terminal, "{what}{offer}: ").and_then(|()| terminal.flush());
    let answer = first_line()?;
    match (answer.trim(), offered) {
        ("", Some(offered)) => Ok(offered.to_owned()),
        ("", None) => Err(Failure::usage(format!("no {} was given", what.to_lowercase()))),
        (answer, _) => Ok(answer.to_owned()),
    }
}

fn password(from_stdin: bool) -> Result<String, Failure> {
    if from_stdin {
        return Ok(first_line()?.trim_end_matches(['\r', '\n']).to_owned());
    }
    rpassword::prompt_password("Password: ").map_err(|_| {
        Failure::usage("nobody can be asked for the password: pass --password-stdin, or in CI set WATCHBELL_TOKEN")
    })
}

fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    let limit = limits::PASSWORD_BYTES as u64 + 2;
    std::io::Read::take(std::io::stdin().lock(), limit)
        .read_line(&mut line)
        .map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
    Ok(line)
}
