//! The session without a display, with its real keyring and its real notification daemon.

use std::{io::Write as _, process::Stdio};

use xtask::{
    session::{Parts, Session},
    shell::{command, quietly},
};

#[test]
fn a_session_keeps_secrets_shows_popups_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let session = Session::start(home.path(), Parts::DESKTOP).unwrap();

    let mut store = session.command("secret-tool", &["store", "--label=test", "service", "watchbell-test"]);
    let mut store = store.stdin(Stdio::piped()).spawn().unwrap();
    store.stdin.take().unwrap().write_all(b"eight bells").unwrap();
    assert!(store.wait().unwrap().success());
    let found = quietly(&mut session.command("secret-tool", &["lookup", "service", "watchbell-test"])).unwrap();
    assert_eq!(found, "eight bells");

    quietly(&mut session.command("notify-send", &["All's well", "and it is two o'clock"])).unwrap();
    let shown = quietly(&mut session.command("dunstctl", &["count", "displayed"])).unwrap();
    assert_eq!(shown.trim(), "1");
    session.screenshot(&home.path().join("screen.png")).unwrap();
    assert!(home.path().join("screen.png").metadata().unwrap().len() > 1000);

    let display = session.environment().into_iter().find(|(name, _)| *name == "DISPLAY").unwrap().1;
    let is_up = || quietly(&mut command("xdpyinfo", &["-display", &display])).is_ok();
    assert!(is_up());
    drop(session);
    assert!(!is_up(), "the display ended with the session");
}
