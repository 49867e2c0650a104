//! Whole runs: what needs nothing installed, the order of updates, and stopping.

#![allow(clippy::unwrap_used)] // also in the functions that tests share

mod support;

use std::time::{Duration, Instant};

use support::{Folder, finish, issues, places, start};
use tokio_util::sync::CancellationToken;
use watchbell_analysis::{PlanError, PlanOptions, Update, plan};
use watchbell_protocol::{
    AnalysisId,
    command::End,
    event::{Counts, DetectorState},
};

const BUILTIN: [&str; 5] = ["config-syntax", "conflict-markers", "large-files", "secrets", "typos"];

fn place(rule: &str, path: &str, line: u64) -> (String, String, u64) {
    (rule.into(), path.into(), line)
}

#[tokio::test]
async fn a_bare_machine_finds_real_things() {
    let conflict = ["<<<<<<< ours", "a", "=======", "b", ">>>>>>> theirs", ""].join("\n");
    let token = format!("token = \"ghp_{}\"\n", "q8ZtLwXvRkPnBmYdCfJgHs3975QaEuTq8ZtLwX");
    let folder = Folder::with(&[
        ("bad.yaml", "a: 1\na: 2\n"),
        ("notes.md", "we recie\u{76}e mail\n"),
        ("src/merge.rs", &conflict),
        ("src/login.py", &token),
        (".gitignore", "ignored/\n"),
        ("ignored/bad.json", "{"),
    ]);
    let mut options = folder.options(&[]);
    options.path = Some("/nonexistent".into());
    let plan = plan(&folder.root(), &options).await.unwrap();
    assert_eq!(plan.files, 5);
    let names: Vec<&str> = plan.detectors.iter().filter(|one| one.skipped.is_none()).map(|one| &*one.name).collect();
    assert_eq!(names, BUILTIN);
    let (updates, outcome) = finish(start(plan)).await;
    let expected = [
        place("conflict-marker", "src/merge.rs", 1),
        place("duplicate-key", "bad.yaml", 2),
        place("github-token", "src/login.py", 1),
        place("typo", "notes.md", 1),
    ];
    assert_eq!(places(&updates), expected);
    assert_eq!(outcome.end, End::Complete);
    assert_eq!(outcome.counts, Counts { critical: 1, high: 1, medium: 1, low: 1, info: 0 });
    assert!(!serde_json::to_string(&issues(&updates)).unwrap().contains("ghp_"));
    folder.assert_clean();
}

#[tokio::test]
async fn updates_come_in_order_and_progress_never_goes_back() {
    let (updates, outcome) = Folder::sample().run(&BUILTIN).await;
    assert!(matches!(updates.last(), Some(Update::Ended(End::Complete))));
    assert!(matches!(&updates[updates.len() - 2], Update::Progress(last) if last.percent > 99.9));
    let percents: Vec<f32> = updates
        .iter()
        .filter_map(|update| match update {
            Update::Progress(progress) => Some(progress.percent),
            _ => None,
        })
        .collect();
    assert!(percents.is_sorted(), "{percents:?}");
    for (at, update) in updates.iter().enumerate() {
        if let Update::Detector(run) = update {
            let later = issues(&updates[at..]);
            assert!(later.iter().all(|issue| issue.detector != run.name), "{} spoke after its end", run.name);
        }
    }
    let reported: u32 = outcome.detectors.iter().map(|run| run.counts.total()).sum();
    assert_eq!(reported, outcome.counts.total());
    assert_eq!(issues(&updates).len(), outcome.counts.total() as usize);
}

#[tokio::test]
async fn a_run_is_the_same_twice() {
    let folder = Folder::sample();
    let of = async || {
        let mut issues = issues(&folder.run(&BUILTIN).await.0);
        issues.sort_by(|a, b| (&a.detector, &a.path, a.line, a.column).cmp(&(&b.detector, &b.path, b.line, b.column)));
        issues
    };
    let first = of().await;
    assert!(first.len() >= 3);
    assert_eq!(first, of().await);
}

#[tokio::test]
async fn what_is_left_out_says_why() {
    let folder = Folder::with(&[("a.py", "import os\n"), ("a.sh", "#!/bin/sh\n")]);
    let mut options = folder.options(&[]);
    options.path = Some("/nonexistent".into());
    options.skip = vec![("typos".into(), "not today".into())];
    let plan = plan(&folder.root(), &options).await.unwrap();
    let reason = |name: &str| {
        let mut all = plan.detectors.iter().chain(&plan.not_applicable);
        all.find(|one| one.name == *name).and_then(|one| one.skipped.as_ref()).map(ToString::to_string)
    };
    assert_eq!(reason("typos").as_deref(), Some("not today"));
    assert_eq!(reason("ruff").as_deref(), Some("ruff is not installed"));
    assert_eq!(reason("clippy").as_deref(), Some("no Cargo.toml here"));
    assert_eq!(reason("secrets"), None);
    assert!(plan.not_applicable.iter().all(|one| plan.detectors.iter().all(|other| other.name != one.name)));
}

#[tokio::test]
async fn wrong_folders_and_names_are_refused() {
    let folder = Folder::with(&[("a", "")]);
    let missing = plan(&folder.root().join("b"), &PlanOptions::default()).await;
    assert!(matches!(missing, Err(PlanError::Folder { .. })));
    let file = plan(&folder.root().join("a"), &PlanOptions::default()).await;
    assert!(matches!(file, Err(PlanError::Folder { .. })));
    let name = plan(&folder.root(), &folder.options(&["rufff"])).await.unwrap_err();
    assert!(name.to_string().contains("\"rufff\"") && name.to_string().contains("ruff, clippy"), "{name}");
}

#[tokio::test]
async fn a_cancelled_run_says_so_for_every_detector() {
    let folder = Folder::sample();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let running = folder.plan(&BUILTIN).await.start(AnalysisId::fresh(), &[], cancel);
    let (updates, outcome) = finish(running).await;
    assert_eq!(outcome.end, End::Cancelled);
    assert!(outcome.detectors.iter().all(|run| run.state == DetectorState::Cancelled));
    let told = updates.iter().filter(|update| matches!(update, Update::Detector(_))).count();
    assert_eq!(told, BUILTIN.len());
    folder.assert_clean();
}

/// A stand-in for shellcheck, in a folder that becomes the whole search path beside the system's own.
#[cfg(unix)]
fn stand_in(folder: &Folder, script: &str) -> PlanOptions {
    use std::os::unix::fs::PermissionsExt;
    let bin = folder.cache().with_file_name("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let program = bin.join("shellcheck");
    let text = format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 1.0.0 && exit\n{script}\n");
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = folder.options(&["shellcheck"]);
    options.path = Some(format!("{}:/usr/bin:/bin", bin.display()).into());
    options
}

#[cfg(unix)]
async fn failure(script: &str) -> String {
    let folder = Folder::with(&[("a.sh", "#!/bin/sh\n")]);
    let mut options = stand_in(&folder, script);
    options.timeout = Duration::from_secs(3);
    let (_, outcome) = finish(start(plan(&folder.root(), &options).await.unwrap())).await;
    assert_eq!(outcome.detectors[0].state, DetectorState::Failed);
    folder.assert_clean();
    outcome.detectors[0].reason.clone().unwrap().to_string()
}

#[cfg(unix)]
#[tokio::test]
async fn a_detector_that_fails_says_why() {
    assert_eq!(failure("echo 'error: no such option' >&2; exit 4").await, "error: no such option");
    assert!(failure("echo '{\"comments\":['").await.contains("could not be read"));
    assert_eq!(failure("sleep 300").await, "it took longer than 3 s");
}

#[cfg(unix)]
#[tokio::test]
async fn an_exit_code_alone_is_no_failure() {
    let folder = Folder::with(&[("a.sh", "#!/bin/sh\n")]);
    let options = stand_in(&folder, "echo '{\"comments\":[]}'; exit 7");
    let (_, outcome) = finish(start(plan(&folder.root(), &options).await.unwrap())).await;
    assert_eq!(outcome.detectors[0].state, DetectorState::Complete);
}

#[cfg(unix)]
#[tokio::test]
async fn tools_see_no_token_and_no_home_of_the_user() {
    let folder = Folder::with(&[("a.sh", "#!/bin/sh\n")]);
    // Its findings tell which variables it has. (`CARGO_PKG_NAME` is in the test's own environment.)
    let script = "env | sed 's/\\([^=]*\\)=.*/{\"file\":\"a.sh\",\"line\":1,\"endLine\":1,\"column\":1,\"level\":\"info\",\
        \"code\":1,\"message\":\"\\1\"},/' > \"$TMPDIR/all\"; echo '{\"comments\":['; cat \"$TMPDIR/all\"; \
        echo '{\"file\":\"a.sh\",\"line\":1,\"endLine\":1,\"column\":1,\"level\":\"info\",\"code\":1,\"message\":\"'$HOME'\"}]}'";
    let options = stand_in(&folder, script);
    let (updates, _) = finish(start(plan(&folder.root(), &options).await.unwrap())).await;
    let messages: Vec<String> = issues(&updates).into_iter().map(|issue| issue.message.to_string()).collect();
    assert!(messages.iter().any(|message| message == "PATH"));
    assert!(messages.last().unwrap().starts_with(folder.cache().to_str().unwrap()), "{messages:?}");
    assert!(!messages.iter().any(|message| message.starts_with("CARGO")), "{messages:?}");
}

#[cfg(target_os = "linux")]
mod stopping {
    use super::*;

    const FAMILY: &str = "sleep 300 & sh -c 'sleep 300 & sleep 300' & echo ready > \"$TMPDIR/ready\"; wait";

    /// Processes of runs whose files are in this folder's cache: their temporary folder is below it.
    fn family(folder: &Folder) -> usize {
        let mark = format!("TMPDIR={}", folder.cache().display());
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let environments = processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
        environments.filter(|all| all.split(|&byte| byte == 0).any(|one| one.starts_with(mark.as_bytes()))).count()
    }

    async fn until(deadline: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < deadline, "still not: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn at_work(folder: &Folder) -> watchbell_analysis::Running {
        let running = start(plan(&folder.root(), &stand_in(folder, FAMILY)).await.unwrap());
        until(Duration::from_secs(10), "the family is at work", || family(folder) >= 5).await;
        running
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cancelled_tool_is_gone_with_its_descendants_within_a_second() {
        let folder = Folder::with(&[("a.sh", "#!/bin/sh\n")]);
        let cancel = CancellationToken::new();
        let plan = plan(&folder.root(), &stand_in(&folder, FAMILY)).await.unwrap();
        let running = plan.start(AnalysisId::fresh(), &[], cancel.clone());
        until(Duration::from_secs(10), "the family is at work", || family(&folder) >= 5).await;
        let begun = Instant::now();
        cancel.cancel();
        let (_, outcome) = finish(running).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!((outcome.end, family(&folder)), (End::Cancelled, 0));
        folder.assert_clean();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_dropped_run_is_gone_too() {
        let folder = Folder::with(&[("a.sh", "#!/bin/sh\n")]);
        drop(at_work(&folder).await);
        until(Duration::from_secs(1), "the family is gone", || family(&folder) == 0).await;
        until(Duration::from_secs(1), "its files are gone", || {
            std::fs::read_dir(folder.cache().join("runs")).unwrap().next().is_none()
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_never_reads_does_not_keep_processes_alive() {
        let folder = Folder::with(&[("a.sh", "#!/bin/sh\n")]);
        let cancel = CancellationToken::new();
        let options = stand_in(&folder, &format!("yes '{{\"comments\":[' | head -c 200000; {FAMILY}"));
        let _running = plan(&folder.root(), &options).await.unwrap().start(AnalysisId::fresh(), &[], cancel.clone());
        until(Duration::from_secs(10), "the family is at work", || family(&folder) >= 5).await;
        cancel.cancel();
        until(Duration::from_secs(1), "the family is gone", || family(&folder) == 0).await;
    }
}
