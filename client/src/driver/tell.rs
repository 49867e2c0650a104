//! Telling the listeners: names of what changed become values, at most every 50 ms.

use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

use watchbell_protocol::{AnalysisId, ProjectId};

use super::Driver;
use crate::{
    cache::{Cache, CacheError, Touched},
    change::{Change, Shown},
    popup::summary_shown,
    session::Moment,
    view::{Connection, ConnectionState},
};

type Result<T = (), E = CacheError> = std::result::Result<T, E>;

/// Between two batches. The first change after a quiet moment goes out at once.
const BETWEEN: Duration = Duration::from_millis(50);

impl Driver {
    /// Tells what is due.
    pub(super) async fn tell(&mut self, now: Moment) -> Result {
        self.tell_connection().await?;
        if let Some(count) = self.popups.summary(now.mono) {
            let unread = self.shared.cache.unread().await?;
            let shown = summary_shown(self.shared.focused.load(Ordering::Relaxed));
            self.shared.listeners.tell(&[Change::Summary { count, unread, shown }]);
        }
        if self.news.touched.is_empty() || now.mono < self.news.tell_at {
            return Ok(());
        }
        self.news.tell_at = now.mono + BETWEEN;
        let touched = std::mem::take(&mut self.news.touched);
        if self.shared.listeners.any() {
            let changes = changes(&self.shared.cache, touched).await?;
            self.shared.listeners.tell(&changes);
        }
        Ok(())
    }

    /// Tells how the client stands with the server, if that is news.
    async fn tell_connection(&mut self) -> Result {
        let known = self.shared.connection.borrow().clone();
        let waiting =
            if std::mem::take(&mut self.news.recount) { self.shared.cache.waiting().await? } else { known.waiting };
        let latency_ms = self.ping.latency.map(|latency| u32::try_from(latency.as_millis()).unwrap_or(u32::MAX));
        let state = self.session.view();
        let mut saved_at = known.saved_at;
        if is_live(&known.state) && !is_live(&state) {
            // Up to the last sign of life nothing was missing.
            saved_at = Some(self.heard_at);
            self.shared.cache.set_saved_at(self.heard_at).await?;
        }
        let transport = self.session.transport();
        let connection = Connection { state, transport, latency_ms, waiting, saved_at };
        if connection != known {
            self.shared.connection.send_replace(connection.clone());
            self.shared.listeners.tell(&[Change::Connection { connection }]);
        }
        if std::mem::take(&mut self.news.connect_asked) {
            self.shared.connect_done();
        }
        Ok(())
    }

    /// Everything is up to date at this moment, if it is.
    pub(super) async fn saved(&mut self, now: Moment) -> Result {
        if !is_live(&self.session.view()) {
            return Ok(());
        }
        self.shared.cache.set_saved_at(now.wall).await?;
        // It is told with the connection's next news: a clock alone is none.
        self.shared.connection.send_modify(|connection| connection.saved_at = Some(now.wall));
        Ok(())
    }
}

fn is_live(state: &ConnectionState) -> bool {
    matches!(state, ConnectionState::Live { .. })
}

/// The values behind the names.
async fn changes(cache: &Cache, touched: Touched) -> Result<Vec<Change>> {
    let Touched { projects, people, analyses, issues, progress, activity, notifications, reset, arrived } = touched;
    let mut changes: Vec<Change> = reset.into_iter().map(|project| Change::Reset { project }).collect();
    if projects {
        changes.push(Change::Projects { projects: cache.projects().await? });
    }
    for project in people {
        changes.push(Change::People { project, people: cache.people(project).await? });
    }
    let mut latest = Latest::default();
    for id in analyses {
        if let Some(analysis) = cache.analysis(id).await?
            && latest.is(cache, analysis.project, id).await?
        {
            changes.push(Change::Analysis { analysis: Box::new(analysis) });
        }
    }
    for (id, (project, progress)) in progress {
        if latest.is(cache, project, id).await? {
            changes.push(Change::Progress { project, progress: Box::new(progress) });
        }
    }
    for analysis in issues {
        if let Some(counts) = cache.analysis(analysis).await?.map(|analysis| analysis.counts) {
            changes.push(Change::Issues { analysis, counts });
        }
    }
    for (project, mut entries) in activity {
        entries.reverse();
        changes.push(Change::Activity { project, entries });
    }
    if notifications {
        changes.push(Change::Notifications { unread: cache.unread().await? });
    }
    for (notification, shown) in arrived {
        // Read elsewhere a moment later: it does not pop.
        let shown = if cache.is_unread(notification.id).await? { shown } else { Shown::Silent };
        let project_name = match notification.project {
            Some(project) => cache.project_name(project).await?,
            None => None,
        };
        changes.push(Change::Arrived { notification, project_name, shown });
    }
    Ok(changes)
}

/// The newest analysis of each project: only that one is told of.
#[derive(Default)]
struct Latest(HashMap<ProjectId, Option<AnalysisId>>);

impl Latest {
    async fn is(&mut self, cache: &Cache, project: ProjectId, analysis: AnalysisId) -> Result<bool> {
        if let Some(latest) = self.0.get(&project) {
            return Ok(*latest == Some(analysis));
        }
        let latest = cache.latest_analysis(project).await?;
        self.0.insert(project, latest);
        Ok(latest == Some(analysis))
    }
}
