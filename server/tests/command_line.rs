//! The command from end to end: a fresh folder, people, a project, a token, a running server, its end.

#![allow(clippy::unwrap_used)]

mod common;

use std::{path::Path, time::Duration};

use common::{
    PASSWORD,
    process::{Place, Serving, complaint, finish, printed},
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

#[cfg(unix)]
#[tokio::test]
async fn from_an_empty_folder_to_a_signed_in_member_and_a_clean_end() {
    let place = Place::initialised().await;
    place.add_user("ada").await;
    place.ok(&["project", "add", "web"]).await;
    place.ok(&["project", "member", "add", "web", "ada", "--role", "admin"]).await;
    let token = place.ok(&["token", "create", "ci", "--project", "web", "--scope", "activity,analysis:run"]).await;

    let serving = Serving::start(&place, &["--log-format", "json"]).await;
    let signed_in = serving.sign_in("ada").await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");

    place.add_user("bob").await;
    assert_eq!(serving.sign_in("bob").await.status, 200, "admin commands work beside a running server");
    place.ok(&["user", "disable", "ada"]).await;
    assert_eq!(serving.sign_in("ada").await.status, 403);

    let (code, log) = serving.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).expect(line);
        assert!(line["level"].is_string(), "{line}");
    }
    for secret in [PASSWORD, token.trim(), &signed_in.text("access_token"), &signed_in.text("refresh_token")] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

#[tokio::test]
async fn init_twice_changes_nothing_and_keeps_what_was_edited() {
    let place = Place::initialised().await;
    let config = place.data().join("watchbell-server.toml");
    std::fs::write(&config, "[server]\nname = \"Ours\"\n").unwrap();
    let read = |name: &str| std::fs::read(place.data().join(name)).unwrap();
    let key = read("signing-key.json");

    let said = place.ok(&["init"]).await;
    assert_eq!(said.matches("is there").count(), 4, "{said}");
    assert_eq!(read("signing-key.json"), key);
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "[server]\nname = \"Ours\"\n");
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::initialised().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.data()), 0o700);
    assert_eq!(mode(&place.data().join("signing-key.json")), 0o600);
    assert_eq!(mode(&place.data().join("watchbell.db")), 0o600);
}

#[tokio::test]
async fn the_written_configuration_is_accepted_as_it_is() {
    let place = Place::initialised().await;
    assert_eq!(place.ok(&["user", "list"]).await.trim(), "there are no users yet");
}

#[tokio::test]
async fn without_init_every_command_says_what_to_do() {
    let place = Place::new();
    for args in [&["serve"][..], &["user", "list"], &["project", "list"], &["token", "list"]] {
        let output = place.run(args, "").await;
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(complaint(&output).contains("init` first"), "{args:?}: {}", complaint(&output));
    }
    assert!(!place.data().exists(), "nothing is made on the way");
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused_until_the_first_is_gone() {
    let place = Place::initialised().await;
    let mut first = Serving::start(&place, &[]).await;
    let second = place.run(&["serve", "--listen", "127.0.0.1:0"], "").await;
    assert_eq!(second.status.code(), Some(1));
    assert!(complaint(&second).contains("another watchbell-server runs on"), "{}", complaint(&second));
    first.process.kill().await.unwrap();
    Serving::start(&place, &[]).await;
}

#[tokio::test]
async fn a_server_whose_log_nobody_takes_any_more_goes_on() {
    let place = Place::initialised().await;
    place.add_user("ada").await;
    let mut serving = Serving::start(&place, &[]).await;
    drop(serving.process.stderr.take());
    for _ in 0..2 {
        assert_eq!(serving.sign_in("ada").await.status, 200);
    }
}

#[tokio::test]
async fn a_wrong_option_is_refused_by_name_wherever_it_stands() {
    let place = Place::initialised().await;
    let mut from_env = place.command(&["user", "list"]);
    from_env.env("WATCHBELL_SERVER_LISTN", "x");
    let in_flag = place.command(&["--set", "auth.sign_inn=7d", "user", "list"]);
    let bad_value = place.command(&["serve", "--listen", "everywhere"]);
    for (command, said) in [
        (from_env, "environment variable WATCHBELL_SERVER_LISTN: there is no option"),
        (in_flag, "flag --set: there is no option `auth.sign_inn`; did you mean `auth.sign_in`?"),
        (bad_value, "flag --listen: `server.listen` must be ADDRESS:PORT"),
    ] {
        let output = finish(command, "").await;
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(complaint(&output).contains(said), "{}", complaint(&output));
    }

    std::fs::write(place.data().join("watchbell-server.toml"), "[limit]\n").unwrap();
    let output = place.run(&["user", "list"], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint(&output).contains("there is no option `limit`; did you mean `limits`?"),
        "{}",
        complaint(&output)
    );
}

#[tokio::test]
async fn a_password_must_be_fit_and_is_never_an_argument() {
    let place = Place::initialised().await;
    let short = place.run(&["user", "add", "ada", "--password-stdin"], "short").await;
    assert!(complaint(&short).contains("at least 8 characters"), "{}", complaint(&short));
    let asked = place.run(&["user", "add", "ada"], PASSWORD).await;
    assert!(complaint(&asked).contains("--password-stdin"), "no terminal to ask on: {}", complaint(&asked));
    let argument = place.run(&["user", "add", "ada", "--password", PASSWORD], "").await;
    assert_eq!(argument.status.code(), Some(2));
    assert_eq!(place.json(&["user", "list", "--json"]).await, json!([]));
}

#[tokio::test]
async fn people_can_be_listed_disabled_and_given_a_new_password() {
    let place = Place::initialised().await;
    place.add_user("ada").await;
    let again = place.run(&["user", "add", "ada", "--password-stdin"], PASSWORD).await;
    assert!(complaint(&again).contains("there is a user \"ada\" already"), "{}", complaint(&again));
    assert_eq!(place.ok(&["user", "disable", "ada"]).await.trim(), "ada is now disabled");
    assert_eq!(place.ok(&["user", "disable", "ada"]).await.trim(), "ada was already disabled");
    assert!(place.json(&["user", "list", "--json"]).await[0]["disabled_at"].is_number());
    assert!(place.ok(&["user", "list"]).await.contains("disabled"));
    place.ok(&["user", "enable", "ada"]).await;
    printed(&place.run(&["user", "password", "ada", "--password-stdin"], "another password").await);
    let unknown = place.run(&["user", "disable", "eve"], "").await;
    assert!(complaint(&unknown).contains("there is no user \"eve\""), "{}", complaint(&unknown));
}

#[tokio::test]
async fn projects_have_members_and_tokens() {
    let place = Place::initialised().await;
    place.add_user("ada").await;
    place.ok(&["project", "add", "web"]).await;
    assert_eq!(place.ok(&["project", "member", "add", "web", "ada"]).await.trim(), "ada is now member of web");
    assert_eq!(place.ok(&["project", "member", "add", "web", "ada"]).await.trim(), "ada was already member of web");
    assert_eq!(place.json(&["project", "list", "--json"]).await[0]["name"], "web");
    assert_eq!(place.json(&["project", "member", "list", "web", "--json"]).await[0]["name"], "ada");

    let create = ["token", "create", "ci", "--project", "web", "--scope", "analysis:run", "--json"];
    let created = place.json(&create).await;
    let secret = created["token"].as_str().unwrap();
    let listed = place.ok(&["token", "list", "--json"]).await;
    assert!(!listed.contains(secret.rsplit_once('.').unwrap().1), "the secret is shown once");
    place.ok(&["token", "revoke", created["id"].as_str().unwrap()]).await;
    assert!(place.json(&["token", "list", "--json"]).await[0]["revoked_at"].is_number());

    place.ok(&["project", "member", "remove", "web", "ada"]).await;
    for (args, said) in [
        (&["project", "add", "web"][..], "there is a project \"web\" already"),
        (&["project", "add", "We b"], "is no project name"),
        (&["project", "member", "remove", "web", "ada"], "not a member"),
        (&["project", "member", "add", "nope", "ada"], "there is no project \"nope\""),
        (&["token", "create", "x", "--project", "web", "--scope", "everything"], "is not a scope"),
    ] {
        let output = place.run(args, "").await;
        assert!(!output.status.success(), "{args:?}");
        assert!(complaint(&output).contains(said), "{args:?}: {}", complaint(&output));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_reads_the_certificate_again() {
    let place = Place::initialised().await;
    let path = |name: &str| place.folder.path().join(name).display().to_string();
    let issue = || {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        std::fs::write(path("certificate.pem"), issued.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), issued.signing_key.serialize_pem()).unwrap();
        let root = reqwest::Certificate::from_pem(issued.cert.pem().as_bytes()).unwrap();
        common::client();
        reqwest::Client::builder().no_proxy().add_root_certificate(root).build().unwrap()
    };
    let before = issue();
    let [certificate, key] = ["certificate", "key"].map(|key| format!("WATCHBELL_TLS_{}", key.to_uppercase()));
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env(certificate, path("certificate.pem")).env(key, path("key.pem"));
    let serving = Serving::of(command).await;
    let health = format!("{}/healthz", serving.base);
    assert!(health.starts_with("https://"), "{health}");
    assert_eq!(before.get(&health).send().await.unwrap().status(), 200);

    let after = issue();
    serving.signal(nix::sys::signal::Signal::SIGHUP);
    let renewed = async { while after.get(&health).send().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.expect("the certificate is read again");
    let (code, log) = serving.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("without TLS"), "{log}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_without_a_certificate_changes_nothing() {
    let place = Place::initialised().await;
    let mut serving = Serving::start(&place, &[]).await;
    let mut log = BufReader::new(serving.process.stderr.take().unwrap()).lines();
    serving.signal(nix::sys::signal::Signal::SIGHUP);
    let told = async { while !log.next_line().await.unwrap().expect("it goes on").contains("no certificate") {} };
    tokio::time::timeout(Duration::from_secs(10), told).await.expect("it says so");
    assert_eq!(common::client().get(format!("{}/healthz", serving.base)).send().await.unwrap().status(), 200);
}
