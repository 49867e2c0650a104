//! What a transaction changed, as names: the driver looks the values up when it tells the listeners, so that a thousand
//! events are one look.

use std::collections::{BTreeMap, BTreeSet};

use watchbell_protocol::{
    AnalysisId, ProjectId,
    event::{Activity, AnalysisProgress, Notification},
};

use crate::change::Shown;

/// Entries of one feed that are told of one by one; a view shows no more at once.
pub(crate) const ENTRIES: usize = 100;

/// Names of what changed.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// The list of projects or a mark in it.
    pub(crate) projects: bool,
    /// Members or presence.
    pub(crate) people: BTreeSet<ProjectId>,
    /// Analyses without their issues.
    pub(crate) analyses: BTreeSet<AnalysisId>,
    /// Analyses that have more issues.
    pub(crate) issues: BTreeSet<AnalysisId>,
    /// The newest progress of each analysis.
    pub(crate) progress: BTreeMap<AnalysisId, (ProjectId, AnalysisProgress)>,
    /// New entries of feeds, oldest first.
    pub(crate) activity: BTreeMap<ProjectId, Vec<Activity>>,
    /// The list of notifications.
    pub(crate) notifications: bool,
    /// Projects that were rebuilt, or are gone.
    pub(crate) reset: BTreeSet<ProjectId>,
    /// Notifications that are new to this device, with what was decided about them.
    pub(crate) arrived: Vec<(Notification, Shown)>,
}

impl Touched {
    /// Nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { projects, people, analyses, issues, progress, activity, notifications, reset, arrived } = self;
        !projects
            && !notifications
            && people.is_empty()
            && analyses.is_empty()
            && issues.is_empty()
            && progress.is_empty()
            && activity.is_empty()
            && reset.is_empty()
            && arrived.is_empty()
    }

    /// Adds what a later transaction changed.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.projects |= later.projects;
        self.notifications |= later.notifications;
        self.people.extend(later.people);
        self.analyses.extend(later.analyses);
        self.issues.extend(later.issues);
        self.progress.extend(later.progress);
        self.reset.extend(later.reset);
        self.arrived.extend(later.arrived);
        for (project, entries) in later.activity {
            for entry in entries {
                self.add_activity(project, entry);
            }
        }
    }

    /// A new entry of a feed.
    pub(crate) fn add_activity(&mut self, project: ProjectId, entry: Activity) {
        let entries = self.activity.entry(project).or_default();
        if entries.len() == ENTRIES {
            entries.remove(0);
        }
        entries.push(entry);
    }

    /// A project was rebuilt or is gone: all else about it is in that.
    pub(crate) fn reset(&mut self, project: ProjectId) {
        self.reset.insert(project);
        self.projects = true;
        self.people.remove(&project);
        self.activity.remove(&project);
        self.progress.retain(|_, (of, _)| *of != project);
    }
}
