//! Who is here, merged over devices and connections. In memory: after a restart people appear as they connect.
//!
//! Pure but for its lock: the time is passed in, and what is to be told comes out of [`Presences::flush`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use watchbell_protocol::{
    DeviceId, ErrorCode, List, ProjectId, UnixMillis, UserId, WireError,
    command::PresenceUpdate,
    event::{Device, DeviceKind, Presence, Status, Viewing},
    limits,
};

use crate::clock::Moment;

/// Everybody who is here or has just left.
#[derive(Debug)]
pub struct Presences {
    grace: Duration,
    people: Mutex<People>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct People {
    known: HashMap<UserId, Person>,
    /// Those about whom something may be new.
    touched: BTreeSet<UserId>,
}

#[derive(Debug)]
struct Person {
    devices: BTreeMap<DeviceId, Here>,
    projects: BTreeSet<ProjectId>,
    /// Rises with every change of the projects, so that a list read meanwhile is not taken for the newest.
    generation: u64,
    status: Status,
    since: UnixMillis,
    /// What each project was told last.
    told: HashMap<ProjectId, Presence>,
}

/// A device with at least one connection, or in its grace.
#[derive(Debug)]
struct Here {
    kind: DeviceKind,
    connections: u32,
    status: Status,
    viewing: Option<Viewing>,
    updated: UnixMillis,
    /// When it counts as gone, if it has no connection.
    gone_at: Option<Moment>,
}

/// What is to be told.
#[derive(Debug, Default)]
pub struct News {
    /// To each project.
    pub changes: BTreeMap<ProjectId, Vec<Presence>>,
    /// Who went offline.
    pub left: Vec<UserId>,
}

impl Presences {
    /// Nobody yet. A device that disconnects counts as here for `grace`.
    pub fn new(grace: Duration) -> Self {
        Self { grace, people: Mutex::default(), changed: Notify::new() }
    }

    /// A connection of a device. Gives the generation of the person's projects if they are not known yet: whoever
    /// connects reads them and says so with [`Self::knows`].
    pub fn connect(&self, user: UserId, device: DeviceId, kind: DeviceKind, now: UnixMillis) -> Option<u64> {
        let mut people = self.people.lock();
        self.touch(&mut people, user);
        let is_new = !people.known.contains_key(&user);
        let person = people.known.entry(user).or_insert_with(|| Person::new(now));
        let here = person.devices.entry(device).or_insert_with(|| Here::new(kind, now));
        here.kind = kind;
        here.connections += 1;
        here.gone_at = None;
        is_new.then_some(person.generation)
    }

    /// The person's projects, as read at `generation`; gives the generation to read at again if they changed since.
    pub fn knows(&self, user: UserId, projects: &[ProjectId], generation: u64) -> Option<u64> {
        let mut people = self.people.lock();
        let person = people.known.get_mut(&user)?;
        if person.generation != generation {
            return Some(person.generation);
        }
        person.projects.extend(projects);
        self.touch(&mut people, user);
        None
    }

    /// A connection of a device ended.
    pub fn disconnect(&self, user: UserId, device: DeviceId, now: Moment) {
        let mut people = self.people.lock();
        let Some(person) = people.known.get_mut(&user) else { return };
        let Some(here) = person.devices.get_mut(&device) else { return };
        here.connections = here.connections.saturating_sub(1);
        if here.connections == 0 {
            here.gone_at = Some(now + self.grace);
            self.changed.notify_one();
        }
    }

    /// `presence:update`.
    pub fn update(
        &self,
        user: UserId,
        device: DeviceId,
        input: PresenceUpdate,
        now: UnixMillis,
    ) -> Result<(), WireError> {
        let mut people = self.people.lock();
        let Some(person) = people.known.get_mut(&user) else { return Ok(()) };
        if let Some(viewing) = &input.viewing
            && !person.projects.contains(&viewing.project)
        {
            let message = "there is no such project, or you do not belong to it";
            return Err(WireError::new(ErrorCode::Forbidden, message).at("data.viewing.project"));
        }
        if let Some(here) = person.devices.get_mut(&device) {
            here.status = input.status;
            here.viewing = input.viewing;
            here.updated = now;
            self.touch(&mut people, user);
        }
        Ok(())
    }

    /// Somebody was admitted to a project.
    pub fn admitted(&self, user: UserId, project: ProjectId) {
        self.projects_of(user, |person| {
            person.projects.insert(project);
        });
    }

    /// Somebody no longer belongs to a project.
    pub fn expelled(&self, user: UserId, project: ProjectId) {
        self.projects_of(user, |person| {
            person.projects.remove(&project);
            person.told.remove(&project);
        });
    }

    fn projects_of(&self, user: UserId, change: impl FnOnce(&mut Person)) {
        let mut people = self.people.lock();
        if let Some(person) = people.known.get_mut(&user) {
            person.generation += 1;
            change(person);
            self.touch(&mut people, user);
        }
    }

    /// Whether somebody is here and belongs to a project.
    pub fn belongs(&self, user: UserId, project: ProjectId) -> bool {
        self.people.lock().known.get(&user).is_some_and(|person| person.projects.contains(&project))
    }

    /// Whether somebody is here.
    pub fn is_here(&self, user: UserId) -> bool {
        self.people.lock().known.contains_key(&user)
    }

    /// Everybody who is here.
    pub fn everybody(&self) -> Vec<UserId> {
        self.people.lock().known.keys().copied().collect()
    }

    /// What is new since the last time.
    pub fn flush(&self, wall: UnixMillis, now: Moment) -> News {
        let mut people = self.people.lock();
        let People { known, touched } = &mut *people;
        for (user, person) in known.iter_mut() {
            let before = person.devices.len();
            person.devices.retain(|_, here| here.gone_at.is_none_or(|at| at > now));
            if person.devices.len() != before {
                touched.insert(*user);
            }
        }
        let mut news = News::default();
        for user in std::mem::take(touched) {
            let Some(person) = known.get_mut(&user) else { continue };
            person.tell(user, wall, &mut news);
            if person.devices.is_empty() {
                known.remove(&user);
                news.left.push(user);
            }
        }
        news
    }

    /// When something may be new without anybody doing anything: the end of the next grace.
    pub fn next_gone(&self) -> Option<Moment> {
        let people = self.people.lock();
        people.known.values().flat_map(|person| person.devices.values()).filter_map(|here| here.gone_at).min()
    }

    /// Waits until something may be new: somebody came, changed, or left.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn touch(&self, people: &mut People, user: UserId) {
        people.touched.insert(user);
        self.changed.notify_one();
    }
}

impl Person {
    fn new(now: UnixMillis) -> Self {
        Self {
            devices: BTreeMap::new(),
            projects: BTreeSet::new(),
            generation: 0,
            status: Status::Offline,
            since: now,
            told: HashMap::new(),
        }
    }

    /// Tells each project what it was not told yet.
    fn tell(&mut self, user: UserId, now: UnixMillis, news: &mut News) {
        let status = self.devices.values().map(|here| here.status).max().unwrap_or(Status::Offline);
        if status != self.status {
            (self.status, self.since) = (status, now);
        }
        for &project in &self.projects {
            let presence = Presence {
                user,
                status,
                since: self.since,
                devices: self.device_list(),
                viewing: self.viewing(project),
            };
            if self.told.get(&project) != Some(&presence) {
                self.told.insert(project, presence.clone());
                news.changes.entry(project).or_default().push(presence);
            }
        }
    }

    fn device_list(&self) -> List<Device, { limits::DEVICES }> {
        let device = |(id, here): (&DeviceId, &Here)| Device { id: *id, kind: here.kind, status: here.status };
        let devices: Vec<Device> = self.devices.iter().map(device).take(limits::DEVICES).collect();
        devices.try_into().expect("no more than the limit were taken")
    }

    /// What was looked at last in this project, on a device of the best status.
    fn viewing(&self, project: ProjectId) -> Option<Viewing> {
        let here = self.devices.values().filter(|here| here.viewing.as_ref().is_some_and(|it| it.project == project));
        here.max_by_key(|here| (here.status, here.updated)).and_then(|here| here.viewing.clone())
    }
}

impl Here {
    fn new(kind: DeviceKind, now: UnixMillis) -> Self {
        Self { kind, connections: 0, status: Status::Online, viewing: None, updated: now, gone_at: None }
    }
}

#[cfg(test)]
mod tests;
