//! A CI job: the real `watchbell` with an API token of its own, and a tool that takes as long as a test needs.

use std::{path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::process::{Child, Command};
use url::Url;

use crate::{
    programs::program,
    server::{Server, eventually},
    slow_tool::SlowTool,
};

/// The job. Its files are in the server's folder.
#[derive(Debug)]
pub struct Job {
    /// What `watchbell analyze` finds as `ruff`.
    pub tool: SlowTool,
    server: Url,
    project: String,
    token: String,
    home: PathBuf,
}

impl Job {
    /// Sets one up whose token is good for this project and scope.
    pub async fn new(server: &Server, project: &str, scope: &str) -> Self {
        let create = ["token", "create", "ci", "--project", project, "--scope", scope, "--json"];
        let created: Value = serde_json::from_str(&server.admin(&create, None).await).expect("is JSON");
        Self {
            tool: SlowTool::new(&server.folder().join("tool")),
            server: server.url(),
            project: project.to_owned(),
            token: created["token"].as_str().expect("is shown").to_owned(),
            home: server.folder().join("job"),
        }
    }

    /// The same through whatever stands before the server.
    #[must_use]
    pub fn through(self, way: Url) -> Self {
        Self { server: way, ..self }
    }

    /// `watchbell` as the job calls it.
    pub fn watchbell(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("watchbell"));
        command
            .args(args)
            .env("WATCHBELL_SERVER", self.server.as_str())
            .env("WATCHBELL_PROJECT", &self.project)
            .env("WATCHBELL_TOKEN", &self.token)
            .env("HOME", &self.home)
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("PATH", self.tool.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts an analysis whose only detector is the slow tool, and waits until that works.
    pub async fn analyze(&self) -> Child {
        let code = self.tool.code();
        let mut analyze = self.watchbell(&["analyze", &code.to_string_lossy(), "--only", "ruff", "--format", "json"]);
        let mut child = analyze.spawn().expect("starts");
        let mut ended = None;
        eventually("the tool works", async || {
            ended = child.try_wait().expect("is our child");
            ended.is_some() || self.tool.is_at_work()
        })
        .await;
        if let Some(status) = ended {
            let output = child.wait_with_output().await.expect("has ended");
            panic!("ended at once, {status}:\n{output:?}");
        }
        child
    }
}
