//! Leases: who runs an analysis, and whether it was heard of lately. In memory; the holder is also in the database.
//!
//! After a restart every running analysis gets a whole lease from the server's own start, so that an outage kills no
//! healthy run.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use parking_lot::Mutex;
use watchbell_protocol::{
    AnalysisId, ErrorCode, Room, WireError,
    command::AnalysisRenew,
    event::{AnalysisProgress, DetectorProgress},
};

use super::{Holder, LeaseChange, analysis::lease_lost};
use crate::clock::Moment;

/// Only the end is 100 %.
const BEFORE_THE_END: f32 = 99.9;

/// The leases of this server.
#[derive(Debug)]
pub struct Leases {
    length: Duration,
    held: Mutex<HashMap<AnalysisId, Lease>>,
}

#[derive(Debug)]
struct Lease {
    room: Room,
    holder: Holder,
    until: Moment,
    percent: f32,
    detectors: BTreeMap<String, f32>,
}

impl Leases {
    /// None yet; each will last for `length`.
    pub fn new(length: Duration) -> Self {
        Self { length, held: Mutex::default() }
    }

    /// Applies what a committed transaction says about a lease.
    pub fn apply(&self, change: LeaseChange, now: Moment) {
        let mut held = self.held.lock();
        match change {
            LeaseChange::Taken { analysis, room, holder } => {
                let lease = Lease { room, holder, until: now + self.length, percent: 0.0, detectors: BTreeMap::new() };
                held.insert(analysis, lease);
            }
            LeaseChange::Kept(analysis) => {
                if let Some(lease) = held.get_mut(&analysis) {
                    lease.until = now + self.length;
                }
            }
            LeaseChange::Ended(analysis) => {
                held.remove(&analysis);
            }
        }
    }

    /// `analysis:renew`: keeps the lease and shows the progress, which never goes back. It is shown before the lease can
    /// end, so that no progress comes after the end.
    pub fn renew(
        &self,
        room: Room,
        holder: &Holder,
        input: AnalysisRenew,
        now: Moment,
        show: impl FnOnce(AnalysisProgress),
    ) -> Result<(), WireError> {
        let mut progress = input.progress;
        check(&progress)?;
        let mut held = self.held.lock();
        let lease = held.get_mut(&progress.analysis);
        let held_here = |lease: &&mut Lease| lease.room == room && lease.holder == *holder && lease.until > now;
        let lease = lease.filter(held_here).ok_or_else(lease_lost)?;
        lease.until = now + self.length;
        lease.percent = lease.percent.max(progress.percent.min(BEFORE_THE_END));
        progress.percent = lease.percent;
        // Only those of this report are remembered: whatever names come, there are never more than a report holds.
        lease.detectors.retain(|name, _| progress.detectors.iter().any(|detector| detector.name == name.as_str()));
        for detector in progress.detectors.iter_mut() {
            never_back(detector, &mut lease.detectors);
        }
        show(progress);
        Ok(())
    }

    /// The leases that ran out. They stay, refused to their holders, until the end of the analysis is on the disk.
    pub fn lost(&self, now: Moment) -> Vec<AnalysisId> {
        let held = self.held.lock();
        held.iter().filter(|(_, lease)| lease.until <= now).map(|(analysis, _)| *analysis).collect()
    }

    /// Whether a lease has run out and nothing was heard since.
    pub fn is_lost(&self, analysis: AnalysisId, now: Moment) -> bool {
        self.held.lock().get(&analysis).is_some_and(|lease| lease.until <= now)
    }
}

fn never_back(detector: &mut DetectorProgress, known: &mut BTreeMap<String, f32>) {
    if let Some(percent) = &mut detector.percent {
        let best = known.entry(detector.name.to_string()).or_insert(*percent);
        *best = best.max(*percent);
        *percent = *best;
    }
}

fn check(progress: &AnalysisProgress) -> Result<(), WireError> {
    let is_percent = |percent: f32| (0.0..=100.0).contains(&percent);
    let refuse = |field: String| Err(WireError::new(ErrorCode::BadRequest, "must be between 0 and 100").at(field));
    if !is_percent(progress.percent) {
        return refuse("data.progress.percent".to_owned());
    }
    match progress.detectors.iter().position(|detector| !detector.percent.is_none_or(is_percent)) {
        Some(index) => refuse(format!("data.progress.detectors[{index}].percent")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{
        List, ProjectId, Text, UnixMillis,
        event::{Counts, DetectorState, TimeLeft},
    };

    use super::*;

    fn progress(analysis: AnalysisId, percent: f32) -> AnalysisRenew {
        let progress = AnalysisProgress {
            analysis,
            percent,
            left: TimeLeft::Unknown,
            detectors: List::default(),
            counts: Counts::default(),
            measured_at: UnixMillis(0),
        };
        AnalysisRenew { progress }
    }

    fn leased() -> (Leases, AnalysisId, Room, Holder, Moment) {
        let (analysis, room) = (AnalysisId::fresh(), Room::Project(ProjectId::fresh()));
        let holder = Holder::from_column("token:ci".into());
        let (leases, now) = (Leases::new(Duration::from_secs(30)), Moment::now());
        leases.apply(LeaseChange::Taken { analysis, room, holder: holder.clone() }, now);
        (leases, analysis, room, holder, now)
    }

    #[test]
    fn a_lease_that_is_renewed_is_kept_and_one_that_is_not_is_lost() {
        let (leases, analysis, room, holder, now) = leased();
        let later = |secs| now + Duration::from_secs(secs);
        leases.renew(room, &holder, progress(analysis, 1.0), later(29), |_| ()).unwrap();
        assert_eq!(leases.lost(later(58)), []);
        assert_eq!(leases.lost(later(59)), [analysis]);
        let refused = leases.renew(room, &holder, progress(analysis, 2.0), later(60), |_| ()).unwrap_err();
        assert_eq!(refused.code, ErrorCode::LeaseLost);
        leases.apply(LeaseChange::Ended(analysis), later(60));
        assert_eq!(leases.lost(later(60)), []);
    }

    #[test]
    fn only_the_holder_renews_and_only_in_the_right_room() {
        let (leases, analysis, room, holder, now) = leased();
        let other = Holder::from_column("token:other".into());
        assert!(leases.renew(room, &other, progress(analysis, 1.0), now, |_| ()).is_err());
        let elsewhere = Room::Project(ProjectId::fresh());
        assert!(leases.renew(elsewhere, &holder, progress(analysis, 1.0), now, |_| ()).is_err());
    }

    #[test]
    fn ever_new_names_of_detectors_take_no_more_memory() {
        let (leases, analysis, room, holder, now) = leased();
        for number in 0..500 {
            let detector = DetectorProgress {
                name: Text::clip(format!("detector {number}")),
                state: DetectorState::Running,
                percent: Some(1.0),
                counts: Counts::default(),
                ms: 1,
            };
            let mut input = progress(analysis, 1.0);
            input.progress.detectors = vec![detector].try_into().unwrap();
            leases.renew(room, &holder, input, now, |_| ()).unwrap();
        }
        assert_eq!(leases.held.lock()[&analysis].detectors.len(), 1);
    }

    #[test]
    fn progress_never_goes_back_and_is_not_100_before_the_end() {
        let (leases, analysis, room, holder, now) = leased();
        let shown = |percent| {
            let mut shown = None;
            let show = |progress: AnalysisProgress| shown = Some(progress.percent);
            leases.renew(room, &holder, progress(analysis, percent), now, show).map(|()| shown.unwrap())
        };
        assert_eq!(shown(40.0), Ok(40.0));
        assert_eq!(shown(30.0), Ok(40.0));
        assert_eq!(shown(100.0), Ok(99.9));
        assert_eq!(shown(101.0).unwrap_err().field.as_deref(), Some("data.progress.percent"));
    }
}
