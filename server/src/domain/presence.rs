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
mod tests {
    use watchbell_protocol::Text;

    use super::*;

    struct Fixture {
        presences: Presences,
        user: UserId,
        project: ProjectId,
        start: Moment,
    }

    impl Fixture {
        fn new() -> Self {
            let presences = Presences::new(Duration::from_secs(5));
            Self { presences, user: UserId::fresh(), project: ProjectId::fresh(), start: Moment::now() }
        }

        fn connect(&self, device: DeviceId) {
            if let Some(generation) = self.presences.connect(self.user, device, DeviceKind::Desktop, UnixMillis(1)) {
                assert_eq!(self.presences.knows(self.user, &[self.project], generation), None);
            }
        }

        fn update(&self, device: DeviceId, status: Status, viewing: Option<ProjectId>) -> Result<(), WireError> {
            let viewing = viewing.map(|project| Viewing { project, place: Text::clip("Overview") });
            self.presences.update(self.user, device, PresenceUpdate { status, viewing }, UnixMillis(2))
        }

        /// What the project is told `secs` after the start.
        fn told(&self, secs: u64) -> Vec<Presence> {
            let mut news = self.presences.flush(UnixMillis(secs as i64), self.start + Duration::from_secs(secs));
            news.changes.remove(&self.project).unwrap_or_default()
        }
    }

    #[test]
    fn the_best_device_is_the_persons_status() {
        let f = Fixture::new();
        let (desk, cli) = (DeviceId::fresh(), DeviceId::fresh());
        f.connect(desk);
        f.connect(cli);
        assert_eq!((f.told(0)[0].status, f.told(0).len()), (Status::Online, 0));
        f.update(desk, Status::Away, None).unwrap();
        let told = f.told(1);
        assert_eq!((told[0].status, told[0].devices.len()), (Status::Online, 2));
        f.update(cli, Status::Away, None).unwrap();
        assert_eq!(f.told(2)[0].status, Status::Away);
    }

    #[test]
    fn a_reconnect_within_the_grace_tells_nothing() {
        let f = Fixture::new();
        let device = DeviceId::fresh();
        f.connect(device);
        assert_eq!(f.told(0).len(), 1);
        f.presences.disconnect(f.user, device, f.start);
        assert_eq!(f.told(4), []);
        f.connect(device);
        assert_eq!(f.told(9), []);
        assert!(f.presences.is_here(f.user));
    }

    #[test]
    fn after_the_grace_somebody_is_offline_and_forgotten() {
        let f = Fixture::new();
        let device = DeviceId::fresh();
        f.connect(device);
        let _ = f.told(0);
        f.presences.disconnect(f.user, device, f.start);
        assert_eq!(f.presences.next_gone(), Some(f.start + Duration::from_secs(5)));
        let told = f.told(5);
        assert_eq!((told[0].status, told[0].devices.len()), (Status::Offline, 0));
        assert!(!f.presences.is_here(f.user));
    }

    #[test]
    fn two_connections_of_one_device_are_one_device() {
        let f = Fixture::new();
        let device = DeviceId::fresh();
        f.connect(device);
        f.connect(device);
        assert_eq!(f.told(0)[0].devices.len(), 1);
        f.presences.disconnect(f.user, device, f.start);
        assert_eq!(f.told(60), []);
    }

    #[test]
    fn what_is_viewed_is_shown_only_in_its_own_project() {
        let f = Fixture::new();
        let (device, other) = (DeviceId::fresh(), ProjectId::fresh());
        f.connect(device);
        f.presences.admitted(f.user, other);
        f.update(device, Status::Online, Some(f.project)).unwrap();
        let news = f.presences.flush(UnixMillis(0), f.start);
        assert!(news.changes[&f.project][0].viewing.is_some());
        assert!(news.changes[&other][0].viewing.is_none());
    }

    #[test]
    fn a_project_that_is_not_theirs_cannot_be_viewed() {
        let f = Fixture::new();
        let device = DeviceId::fresh();
        f.connect(device);
        let refused = f.update(device, Status::Online, Some(ProjectId::fresh())).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some("data.viewing.project"));
    }

    #[test]
    fn projects_that_changed_while_they_were_read_are_read_again() {
        let f = Fixture::new();
        let device = DeviceId::fresh();
        let generation = f.presences.connect(f.user, device, DeviceKind::Cli, UnixMillis(1)).unwrap();
        f.presences.expelled(f.user, f.project);
        let again = f.presences.knows(f.user, &[f.project], generation).unwrap();
        assert_eq!(f.presences.knows(f.user, &[], again), None);
        assert_eq!(f.told(0), []);
    }
}
