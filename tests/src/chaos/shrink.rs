//! Pure: makes a failing plan smaller while it still fails, and stops after a bounded number of runs. First it is made
//! shorter, half by half, for every further run then takes less; then steps are left out, many at once, then few (delta
//! debugging). A run that passes by luck costs a step that could have gone, never a wrong answer: what is returned has
//! failed.

use std::{fmt, time::Duration};

use anyhow::Result;

use super::plan::Step;

/// The shortest run that says anything: processes take a moment to start.
const SHORTEST: Duration = Duration::from_secs(2);

/// What to run of a seed's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// For how long.
    pub lasts: Duration,
    /// The numbers of its steps, in order.
    pub steps: Vec<usize>,
}

impl fmt::Display for Case {
    /// As arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seconds {} --only ", self.lasts.as_secs())?;
        if self.steps.is_empty() {
            return f.write_str("none");
        }
        let numbers: Vec<String> = self.steps.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

/// The smallest case found that `fails`, asked at most `runs` times; `failing` is known to.
pub async fn shrink(
    failing: Case,
    plan: &[Step],
    mut runs: usize,
    mut fails: impl AsyncFnMut(&Case) -> Result<bool>,
) -> Result<Case> {
    let mut least = failing;
    let mut attempt = async |case: &Case| {
        if runs == 0 {
            return Ok(None);
        }
        runs -= 1;
        fails(case).await.map(Some)
    };
    while let Some(shorter) = halved(&least, plan) {
        match attempt(&shorter).await? {
            Some(true) => least = shorter,
            Some(false) => break,
            None => return Ok(least),
        }
    }
    // Without any fault first: some bugs need none.
    let mut pieces = 1;
    while !least.steps.is_empty() {
        let size = least.steps.len().div_ceil(pieces);
        let mut removed = false;
        let mut from = 0;
        while from < least.steps.len() {
            let to = (from + size).min(least.steps.len());
            let without = [&least.steps[..from], &least.steps[to..]].concat();
            let smaller = Case { steps: without, ..least.clone() };
            match attempt(&smaller).await? {
                // What followed has moved to `from`.
                Some(true) => (least, removed) = (smaller, true),
                Some(false) => from = to,
                None => return Ok(least),
            }
        }
        match (size, removed) {
            (1, false) => break,
            (1, true) => {}
            _ => pieces *= 2,
        }
        pieces = pieces.min(least.steps.len().max(1));
    }
    Ok(least)
}

/// Half as long, with the steps of that half.
fn halved(case: &Case, plan: &[Step]) -> Option<Case> {
    let lasts = Duration::from_secs(case.lasts.as_secs() / 2);
    let steps = case.steps.iter().copied().filter(|number| plan[*number].at < lasts).collect();
    (lasts >= SHORTEST).then_some(Case { lasts, steps })
}

#[cfg(test)]
mod tests {
    use super::{
        super::plan::{Fault, plan},
        *,
    };

    const LONG: Duration = Duration::from_mins(2);

    /// Shrinks the whole plan of a seed with a bug that `fails`; what is left, and how many runs it took.
    async fn shrunk(runs: usize, fails: impl Fn(&Case) -> bool) -> (Case, usize) {
        let steps = plan(1, LONG, 6);
        let mut asked = 0;
        let whole = Case { lasts: LONG, steps: (0..steps.len()).collect() };
        let least = shrink(whole, &steps, runs, async |case| {
            asked += 1;
            Ok(fails(case))
        });
        let least = least.await.unwrap();
        (least, asked)
    }

    #[tokio::test]
    async fn what_fails_without_faults_is_shown_without_faults() {
        let (least, asked) = shrunk(20, |_| true).await;
        assert_eq!(least.to_string(), "--seconds 3 --only none");
        assert_eq!(asked, 6);
    }

    #[tokio::test]
    async fn the_two_steps_that_matter_are_found_among_all() {
        let (least, asked) = shrunk(100, |case| case.steps.contains(&3) && case.steps.contains(&9)).await;
        assert_eq!(least.steps, [3, 9]);
        assert!(least.lasts < LONG);
        assert!(asked < 60, "{asked}");
    }

    #[tokio::test]
    async fn it_stops_after_so_many_runs_with_what_failed_last() {
        let (least, asked) = shrunk(3, |case| case.steps.contains(&1)).await;
        assert_eq!((least.lasts, asked), (LONG / 8, 3));
    }

    #[tokio::test]
    async fn a_case_of_one_fault_stays_as_it_is() {
        let steps = [Step { at: Duration::ZERO, fault: Fault::KillServer }];
        let one = Case { lasts: SHORTEST, steps: vec![0] };
        let least = shrink(one.clone(), &steps, 9, async |case| Ok(!case.steps.is_empty())).await.unwrap();
        assert_eq!(least, one);
    }
}
