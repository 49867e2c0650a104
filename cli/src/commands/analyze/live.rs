//! The server's side of a running analysis: started, renewed, reported, ended, over as many connections as it takes.
//!
//! At most one report is on its way; what is found meanwhile goes into the next one. So a slow server gets larger
//! reports instead of a longer queue.

use std::{
    future::{Future, pending},
    pin::Pin,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, timeout},
};
use watchbell_analysis::Plan;
use watchbell_client::{
    Events, Heard, RequestError,
    view::{Connection, ConnectionState},
};
use watchbell_protocol::{
    AnalysisId, Answer, ErrorCode, Event, List, Text, WireError,
    command::{AnalysisRenew, AnalysisReport, AnalysisStart, End, Runner},
    event::{AnalysisProgress, AnalysisState},
    frame::Started,
    limits,
};

use super::outgoing::Outgoing;
use crate::{
    connect::{Link, machine_name},
    exit::Failure,
};

/// How long the server may take to start an analysis.
const PATIENCE: Duration = Duration::from_secs(30);
/// The lease is renewed at least this often, progress or not: twice within what the server expects.
const RENEW_EVERY: Duration = limits::LEASE_RENEW_EVERY.checked_div(2).expect("two is not zero");

type Report = Pin<Box<dyn Future<Output = Result<Answer, RequestError>> + Send>>;

/// A running analysis that the server knows of.
pub struct Live {
    link: Link,
    started: Started,
    outgoing: Outgoing,
    on_its_way: Option<Report>,
    progress: Option<AnalysisProgress>,
    renew: Interval,
    events: Events,
    connection: watch::Receiver<Connection>,
    is_connected: bool,
    has_ended: bool,
    /// Some events were not heard; the cache knows what they said.
    has_missed: bool,
    /// Why the sign-in ended, until it is known whether there is a new one.
    signed_out: Option<String>,
}

/// What the server's side has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Somebody in the project asks to stop; their name, if it is known.
    Cancelling(Option<String>),
    /// The analysis is no longer ours, or the server will not have it: why.
    Lost(String),
    /// Worth a line.
    Note(String),
    /// The server has acknowledged everything, the end included.
    Delivered,
}

impl Live {
    /// Starts the analysis on the server.
    pub async fn start(link: Link, plan: &Plan) -> Result<Self, Failure> {
        let events = link.client.events();
        let connection = link.client.watch_connection();
        let started = match timeout(PATIENCE, link.client.request(Some(link.room), command(plan)?)).await {
            Ok(Ok(Answer { started: Some(started), .. })) => started,
            Ok(Ok(_)) => return Err(Failure::server(format!("{} did not say which analysis it started", link.server))),
            Ok(Err(RequestError::Refused(error))) => return Err(not_started(&link, &error)),
            Ok(Err(error)) => return Err(Failure::server(format!("the analysis was not started: {error}"))),
            Err(_) => return Err(Failure::server(format!("{} did not start the analysis in time", link.server))),
        };
        let mut renew = tokio::time::interval_at(Instant::now() + RENEW_EVERY, RENEW_EVERY);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            link,
            started,
            outgoing: Outgoing::default(),
            on_its_way: None,
            progress: None,
            renew,
            events,
            connection,
            is_connected: true,
            has_ended: false,
            has_missed: false,
            signed_out: None,
        })
    }

    /// What the server answered to the start.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// The connection underneath.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// How far it is: sent as the newest value, and again after a reconnect.
    pub fn progress(&mut self, progress: AnalysisProgress) {
        self.renew.reset();
        self.renew_with(progress);
    }

    fn renew_with(&mut self, progress: AnalysisProgress) {
        self.link.client.momentary(Some(self.link.room), AnalysisRenew { progress: progress.clone() });
        self.progress = Some(progress);
    }

    /// Something to report: sent as soon as the report before it is acknowledged.
    pub fn report(&mut self, put: impl FnOnce(&mut Outgoing)) {
        put(&mut self.outgoing);
        self.send_next();
    }

    /// The analysis came to its end; nothing is reported after it.
    pub fn end(&mut self, end: End) {
        self.has_ended = true;
        self.report(|outgoing| outgoing.end(end));
    }

    /// Whether the server has acknowledged everything.
    pub fn is_delivered(&self) -> bool {
        self.on_its_way.is_none() && self.outgoing.is_empty()
    }

    fn send_next(&mut self) {
        if self.on_its_way.is_some() {
            return;
        }
        if let Some(items) = self.outgoing.next_report() {
            let (client, room) = (self.link.client.clone(), self.link.room);
            let report = AnalysisReport { analysis: self.started.analysis, items };
            self.on_its_way = Some(Box::pin(async move { client.request(Some(room), report).await }));
        }
    }

    /// Does what there is to do, until there is something to say. May be dropped at any point and called again: what
    /// is still to be looked into stands in `self` until it has been.
    pub async fn news(&mut self) -> News {
        loop {
            if let Some(news) = self.look_into().await {
                return news;
            }
            let news = tokio::select! {
                answer = answer(&mut self.on_its_way) => {
                    self.on_its_way = None;
                    self.answered(answer)
                }
                heard = self.events.next() => match heard {
                    Some(Heard::Event(event)) => concerns(&event.event, self.started.analysis),
                    Some(Heard::Rebuilt { .. } | Heard::Missed { .. }) => {
                        self.has_missed = true;
                        None
                    }
                    Some(Heard::Gap { .. }) => None,
                    None => Some(News::Lost("the connection was closed".into())),
                },
                changed = self.connection.changed() => match changed {
                    Ok(()) => self.connection_changed(),
                    Err(_) => Some(News::Lost("the connection was closed".into())),
                },
                _ = self.renew.tick() => {
                    if let Some(progress) = self.progress.take() {
                        self.renew_with(progress);
                    }
                    None
                }
            };
            if let Some(news) = news {
                return news;
            }
        }
    }

    async fn look_into(&mut self) -> Option<News> {
        if self.has_missed {
            let news = self.look_up().await;
            self.has_missed = false;
            if news.is_some() {
                return news;
            }
        }
        let reason = self.signed_out.clone()?;
        let news = match self.link.signed_out(&reason).await {
            Ok(()) => News::Note("the sign-in ended; going on with the new one".into()),
            Err(failure) => News::Lost(failure.message),
        };
        self.signed_out = None;
        Some(news)
    }

    fn answered(&mut self, answer: Result<Answer, RequestError>) -> Option<News> {
        match answer {
            Ok(_) => {
                self.send_next();
                (self.has_ended && self.is_delivered()).then_some(News::Delivered)
            }
            Err(RequestError::Refused(error)) => Some(News::Lost(match error.code {
                ErrorCode::LeaseLost => "the server gave it up, because it heard nothing of it for too long".into(),
                _ => format!("the server refused a report: {error}"),
            })),
            Err(error) => Some(News::Lost(error.to_string())),
        }
    }

    /// Some events were not handed on: what is so now stands in the cache.
    async fn look_up(&self) -> Option<News> {
        let analysis = self.link.client.analysis(self.started.analysis).await.ok()??;
        match analysis.state {
            AnalysisState::Running => None,
            AnalysisState::Cancelling => Some(News::Cancelling(None)),
            AnalysisState::Complete | AnalysisState::Cancelled | AnalysisState::Failed => {
                Some(News::Lost(ended_without_us(analysis.reason.as_deref())))
            }
        }
    }

    fn connection_changed(&mut self) -> Option<News> {
        let state = self.connection.borrow_and_update().state.clone();
        match state {
            ConnectionState::Live { .. } if !self.is_connected => {
                self.is_connected = true;
                Some(News::Note("connected again; nothing was lost".into()))
            }
            ConnectionState::Offline { reason, .. } if self.is_connected => {
                self.is_connected = false;
                Some(News::Note(format!("the server is away ({reason}); the analysis goes on, and is reported later")))
            }
            ConnectionState::SignInNeeded { reason } => {
                self.signed_out = Some(reason);
                None
            }
            _ => None,
        }
    }
}

/// The answer to the report that is on its way; never, if none is.
async fn answer(on_its_way: &mut Option<Report>) -> Result<Answer, RequestError> {
    match on_its_way {
        Some(report) => report.await,
        None => pending().await,
    }
}

/// What an event means for the analysis of ours.
fn concerns(event: &Event, ours: AnalysisId) -> Option<News> {
    match event {
        Event::AnalysisCancelling(cancelling) if cancelling.analysis == ours => {
            Some(News::Cancelling(Some(cancelling.by.name().to_owned())))
        }
        Event::AnalysisError(error) if error.analysis.id == ours => {
            Some(News::Lost(ended_without_us(error.analysis.reason.as_deref())))
        }
        _ => None,
    }
}

fn ended_without_us(reason: Option<&str>) -> String {
    format!("the server ended it ({})", reason.unwrap_or("no reason given"))
}

fn command(plan: &Plan) -> Result<AnalysisStart, Failure> {
    let detectors = List::try_from(plan.detectors.clone())
        .map_err(|error| Failure::usage(format!("the plan {error}: choose with --only or --skip")))?;
    Ok(AnalysisStart {
        runner: Runner::Own,
        runner_name: Text::clip(machine_name()),
        root: plan.name.clone(),
        branch: plan.branch.clone(),
        revision: plan.revision.clone(),
        files: plan.files,
        detectors,
    })
}

fn not_started(link: &Link, error: &WireError) -> Failure {
    let message = format!("{} did not start the analysis: {error}", link.server);
    match error.code {
        ErrorCode::Forbidden | ErrorCode::Unauthenticated => {
            Failure::usage(format!("{message}; an API token needs the scope `analysis:run`"))
        }
        _ => Failure::server(message),
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{Origin, event::AnalysisCancelling};

    use super::*;

    #[test]
    fn only_what_concerns_our_analysis_is_news() {
        let (ours, theirs) = (AnalysisId::fresh(), AnalysisId::fresh());
        let cancelling =
            |analysis| Event::from(AnalysisCancelling { analysis, by: Origin::Token { name: Text::clip("ci") } });
        assert_eq!(concerns(&cancelling(ours), ours), Some(News::Cancelling(Some("ci".into()))));
        assert_eq!(concerns(&cancelling(theirs), ours), None);
    }
}
