//! A built-in detector at work: file after file on a thread that may block, looking after each whether to stop.

use std::{sync::Arc, time::Instant};

use super::worker::{Ending, Over, Report, Site, Voice};
use crate::{
    builtin::{Builtin, Candidate},
    finding::Scribe,
    tree::File,
};

pub(super) async fn run(work: &'static Builtin, scribe: Scribe, site: &Arc<Site>, voice: &Voice) -> Over {
    let (site, voice) = (Arc::clone(site), voice.clone());
    let looked = tokio::task::spawn_blocking(move || look(work, scribe, &site, &voice)).await;
    looked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn look(work: &Builtin, mut scribe: Scribe, site: &Site, voice: &Voice) -> Over {
    let deadline = Instant::now() + site.timeout;
    let files: Vec<&File> = site.tree.files.iter().filter(|file| (work.wants)(file)).collect();
    let (mut findings, mut told) = (Vec::new(), 0);
    let over = |end, scribe: &Scribe| Over { end, outside: scribe.outside };
    for (done, file) in files.iter().enumerate() {
        if site.cancel.is_cancelled() {
            return over(Ending::Cancelled, &scribe);
        }
        if Instant::now() > deadline {
            return over(Ending::Failed(format!("it took longer than {} s", site.timeout.as_secs())), &scribe);
        }
        (work.check)(&Candidate::new(&site.tree.root, file), &mut findings);
        for issue in findings.drain(..).filter_map(|finding| scribe.issue(finding)) {
            voice.say_blocking(Report::Found(Box::new(issue)));
        }
        // Each whole per cent is told once.
        let percent = (done + 1) * 100 / files.len();
        if percent > told {
            told = percent;
            voice.say_blocking(Report::Share((done + 1) as f32 / files.len() as f32));
        }
    }
    over(Ending::Complete, &scribe)
}
