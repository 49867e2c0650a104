//! Asking for a password: typed twice, or one line of standard input. Never an argument, which others on the machine
//! could read.

use std::io::{self, IsTerminal, Read};

use anyhow::{Context, bail};
use watchbell_protocol::limits;
use watchbell_server::auth::password;

/// A new password that is fit to be one, hashed.
pub async fn ask_new(name: &str, from_stdin: bool) -> anyhow::Result<String> {
    let chosen = if from_stdin { one_line(io::stdin().lock())? } else { typed(name)? };
    password::check_fit(&chosen)?;
    let hashed = tokio::task::spawn_blocking(move || password::hash(&chosen)).await?;
    hashed.map_err(|error| anyhow::anyhow!("the password cannot be hashed: {error}"))
}

fn typed(name: &str) -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        bail!("standard input is no terminal: pass the password with --password-stdin");
    }
    let first = rpassword::prompt_password(format!("Password for {name}: ")).context("cannot ask for a password")?;
    password::check_fit(&first)?;
    if first != rpassword::prompt_password("Again: ")? {
        bail!("the two passwords differ");
    }
    Ok(first)
}

/// The first line, without its end.
fn one_line(input: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    // One more than allowed is enough to see that it is too long.
    input.take(limits::PASSWORD_BYTES as u64 + 3).read_to_string(&mut text).context("cannot read the password")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line_of_standard_input() {
        for (input, password) in [("secret one\n", "secret one"), ("a b \r\nc\n", "a b "), ("", ""), ("x", "x")] {
            assert_eq!(one_line(input.as_bytes()).unwrap(), password);
        }
    }
}
