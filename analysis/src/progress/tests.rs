//! Progress never goes back, never says 100 % early, and is right on average; on simulated runs, without sleeping.

use proptest::prelude::*;
use watchbell_protocol::Text;

use super::*;

const LANES: Lanes = Lanes { builtin: 1, tool: 1 };

fn planned(name: &'static str, lane: Lane, seconds: u64) -> Planned {
    Planned { name, lane, guess: Duration::from_secs(seconds) }
}

fn usual(name: &str, seconds: &[f64]) -> Usual {
    let ms: Vec<u64> = seconds.iter().map(|seconds| (seconds * 1000.0) as u64).collect();
    Usual { detector: Text::clip(name), files: vec![100; ms.len()], ms }
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[derive(Debug, Clone)]
enum Step {
    Start(usize),
    Share(usize, f32),
    Found(usize),
    End(usize, DetectorState),
    Wait(f64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let state = prop_oneof![
        Just(DetectorState::Complete),
        Just(DetectorState::Failed),
        Just(DetectorState::Cancelled),
        Just(DetectorState::Skipped)
    ];
    let step = prop_oneof![
        (0..3_usize).prop_map(Step::Start),
        (0..3_usize, -0.5..1.5_f32).prop_map(|(at, share)| Step::Share(at, share)),
        (0..3_usize).prop_map(Step::Found),
        (0..3_usize, state).prop_map(|(at, state)| Step::End(at, state)),
        (0.0..100.0_f64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn progress_never_goes_back_and_never_reads_100_before_the_end(steps in steps(), history in any::<bool>()) {
        let detectors = [planned("a", Lane::Builtin, 1), planned("b", Lane::Tool, 60), planned("c", Lane::Tool, 0)];
        let usual = if history { vec![usual("a", &[1.0; 3]), usual("b", &[50.0, 60.0, 70.0])] } else { Vec::new() };
        let mut progress = Progress::new(&detectors, 100, &usual, LANES);
        let (mut now, mut last) = (0.0, 0.0);
        for step in steps {
            match step {
                Step::Start(at) => progress.started(at, secs(now)),
                Step::Share(at, share) => progress.share(at, share, secs(now)),
                Step::Found(at) => progress.found(at, Severity::Low),
                Step::End(at, state) => progress.ended(at, state, secs(now)),
                Step::Wait(seconds) => now += seconds,
            }
            let at = progress.at(secs(now));
            prop_assert!(at.percent >= last && at.percent <= NEARLY, "{last} then {}", at.percent);
            prop_assert!(at.detectors.iter().all(|one| one.percent.is_none_or(|percent| (0.0..=100.0).contains(&percent))));
            last = at.percent;
        }
        progress.complete();
        prop_assert!((progress.at(secs(now)).percent - 100.0).abs() < f32::EPSILON);
    }
}

/// A detector in a simulated run: how long it usually takes, how long this time, and whether it tells its share.
struct Simulated {
    lane: Lane,
    usual: f64,
    truly: f64,
    tells: bool,
}

/// The mean of |shown − true share of time| over a run, in points.
fn mean_error(detectors: &[Simulated], with_history: bool) -> f64 {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let planned: Vec<Planned> = detectors.iter().zip(NAMES).map(|(one, name)| planned(name, one.lane, 10)).collect();
    let history: Vec<Usual> = detectors
        .iter()
        .zip(NAMES)
        .map(|(one, name)| usual(name, &[0.9, 1.0, 1.1, 1.0, 0.95].map(|factor| factor * one.usual)))
        .collect();
    let mut progress = Progress::new(&planned, 100, if with_history { &history } else { &[] }, LANES);

    // One lane each: a detector starts when the one before it in its lane ends.
    let mut lane_free = [0.0_f64; 2];
    let times: Vec<(f64, f64)> = detectors
        .iter()
        .map(|one| {
            let free = &mut lane_free[usize::from(one.lane == Lane::Tool)];
            let start = *free;
            *free += one.truly;
            (start, *free)
        })
        .collect();
    let total = lane_free[0].max(lane_free[1]);
    let (mut now, mut sum, mut count) = (0.0, 0.0, 0);
    while now < total {
        for (at, (&(start, end), one)) in times.iter().zip(detectors).enumerate() {
            if now >= start && progress.tracks[at].state == DetectorState::Waiting {
                progress.started(at, secs(start));
            }
            if now >= end && !progress.tracks[at].state.is_over() {
                progress.ended(at, DetectorState::Complete, secs(end));
            } else if one.tells && now >= start && now < end {
                progress.share(at, ((now - start) / (end - start)) as f32, secs(now));
            }
        }
        sum += (f64::from(progress.at(secs(now)).percent) - 100.0 * now / total).abs();
        count += 1;
        now += 0.2;
    }
    sum / f64::from(count)
}

/// Runs like real ones: five built-in detectors that tell their share, and tools that do not, each within a fifth of
/// its usual time. The noise is a fixed sequence, so that a failure repeats.
fn runs() -> impl Iterator<Item = Vec<Simulated>> {
    let mut seed = 42_u64;
    let mut noise = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as f64 / f64::from(1_u32 << 31)).mul_add(0.4, 0.8)
    };
    (0..200).map(move |_| {
        let detectors = [(1.0, true), (3.0, true), (40.0, false), (2.0, false), (8.0, false), (0.5, true)];
        detectors
            .map(|(usual, tells)| {
                let lane = if tells { Lane::Builtin } else { Lane::Tool };
                Simulated { lane, usual, truly: usual * noise(), tells }
            })
            .into()
    })
}

#[test]
fn with_history_the_mean_error_is_below_five_points() {
    let errors: Vec<f64> = runs().map(|run| mean_error(&run, true)).collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!(mean < 5.0, "{mean}");
}

#[test]
fn a_detector_that_tells_its_share_is_right_even_without_history() {
    let run = [Simulated { lane: Lane::Builtin, usual: 0.0, truly: 30.0, tells: true }];
    let error = mean_error(&run, false);
    assert!(error < 10.0, "{error}");
}

#[test]
fn time_left_is_told_from_three_runs_on_and_counts_down() {
    let detectors = [planned("a", Lane::Tool, 1)];
    let left = |samples: &[f64], now: f64| {
        let mut progress = Progress::new(&detectors, 100, &[usual("a", samples)], LANES);
        progress.started(0, Duration::ZERO);
        progress.at(secs(now)).left
    };
    assert_eq!(left(&[10.0, 10.0], 1.0), TimeLeft::Unknown);
    assert_eq!(left(&[10.0, 10.0, 20.0], 4.0), TimeLeft::About { ms: 6_000, p80_ms: 12_000 });
    assert_eq!(left(&[10.0, 10.0, 20.0], 16.5), TimeLeft::Overdue);
}

#[test]
fn it_is_told_five_times_a_second_at_most() {
    let mut progress = Progress::new(&[], 0, &[], LANES);
    let told = (0..1000).filter(|&ms| progress.due(Duration::from_millis(ms))).count();
    assert_eq!(told, 5);
}

#[test]
fn a_detector_without_a_share_has_no_percent_until_it_is_over() {
    let mut progress = Progress::new(&[planned("a", Lane::Tool, 1)], 1, &[], LANES);
    assert_eq!(progress.at(Duration::ZERO).detectors[0].percent, Some(0.0));
    progress.started(0, Duration::ZERO);
    assert_eq!(progress.at(secs(1.0)).detectors[0].percent, None);
    progress.ended(0, DetectorState::Complete, secs(2.0));
    let at = progress.at(secs(9.0));
    assert_eq!((at.detectors[0].percent, at.detectors[0].worked), (Some(100.0), secs(2.0)));
}
