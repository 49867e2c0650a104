//! Presence over devices, connections and projects, with the time passed in.

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
