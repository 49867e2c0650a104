//! Doing what the session machine and the façade say.

use std::{sync::Arc, time::Duration};

use tokio_util::task::AbortOnDropHandle;
use watchbell_protocol::{
    ClientFrame, CloseCode, Command, CommandId, Room, Text,
    command::{AuthRefresh, RoomJoin, RoomLeave},
    http::SignedIn,
};

use super::{
    Driver,
    append::Appending,
    renewal,
    shared::{Nudge, Orders, Want},
};
use crate::{
    cache::CacheError,
    http::SignInError,
    outbox::window::Offer,
    session::{Effect, Input, Moment, OpenFailure},
    transport::{self, Link},
    view::Transport,
};

/// Frames of the way out that are left to joins, tokens and momentary commands.
pub(super) const RESERVED: usize = 64;
/// When the way out is full, look again after this.
pub(super) const CONGESTION: Duration = Duration::from_millis(50);

impl Driver {
    pub(super) fn perform(&mut self, effect: Effect, at: Moment) {
        match effect {
            Effect::Renew => {
                let (server, token) = (self.options.server.clone(), self.refresh_token.clone());
                let renewal = renewal::renew(server, token, Arc::clone(&self.store));
                self.renewing = Some(AbortOnDropHandle::new(tokio::spawn(renewal)));
            }
            Effect::Open(via) => self.opening = Some(self.open(via)),
            Effect::TryWebSocket => self.trying = Some(self.open(Transport::WebSocket)),
            Effect::Switch => {
                self.let_go(CloseCode::Normal);
                self.link = self.tried.take();
            }
            Effect::Close(code) => {
                self.opening = None;
                self.let_go(code);
            }
            Effect::OfferToken => match Text::try_from(self.access_token.as_str()) {
                Ok(access_token) => {
                    self.send_frame(Some(CommandId::fresh()), None, AuthRefresh { access_token }.into());
                }
                Err(error) => tracing::error!(%error, "the server's access token"),
            },
            Effect::Ping => {
                if let Some(link) = &self.link {
                    self.ping.number += 1;
                    self.ping.sent = Some(at.mono);
                    link.ping(self.ping.number.to_be_bytes());
                }
            }
            Effect::Forget => {
                self.refresh_token = None;
                renewal::forget(Arc::clone(&self.store));
            }
        }
    }

    fn open(&self, via: Transport) -> AbortOnDropHandle<Result<Link, OpenFailure>> {
        let (server, token) = (self.options.server.clone(), self.access_token.clone());
        let patience = self.options.timing.connect;
        let opening = async move { transport::open(via, &server, &token, patience).await };
        AbortOnDropHandle::new(tokio::spawn(opening))
    }

    /// Leaves the connection, if there is one.
    fn let_go(&mut self, code: CloseCode) {
        if let Some(link) = self.link.take() {
            self.farewells.spawn(link.close(code));
        }
        self.rooms.disconnected();
        self.append_broken();
        self.ping.sent = None;
        self.ping.latency = None;
    }

    /// A WebSocket was tried beside the connection.
    pub(super) fn tried(&mut self, result: Result<Link, OpenFailure>) {
        self.trying = None;
        if let Err(failure) = &result {
            tracing::debug!(?failure, "still no WebSocket");
        }
        self.tried = result.ok();
        self.input(Input::Tried { works: self.tried.is_some() });
        if let Some(unwanted) = self.tried.take() {
            self.farewells.spawn(unwanted.close(CloseCode::Normal));
        }
    }

    pub(super) async fn renewed(&mut self, result: Result<SignedIn, SignInError>) {
        match result {
            Ok(signed_in) => {
                self.access_token = signed_in.access_token;
                self.refresh_token = Some(signed_in.refresh_token);
                if let Some(link) = &self.link {
                    link.renewed(&self.access_token);
                }
                if let Err(error) = self.shared.cache.set_account(&signed_in.account, &signed_in.server).await {
                    tracing::error!(%error, "who signed in could not be written down");
                }
                self.input(Input::Renewed(Duration::from_secs(signed_in.expires_in.into())));
            }
            Err(error) if error.is_refusal() => self.input(Input::RenewRefused(error.to_string())),
            Err(error) => self.input(Input::RenewFailed(error.to_string())),
        }
    }

    pub(super) async fn take_orders(&mut self) {
        let Orders { want, nudge, follow, streams, append, momentary, pump, notifications, cancelled, ended } =
            self.shared.take_orders();
        // Before the rooms that are joined with them.
        for (room, streams) in streams {
            self.rooms.look(room, streams);
        }
        for room in follow.map(|follow| self.rooms.follow(follow)).unwrap_or_default() {
            self.send_frame(Some(CommandId::fresh()), Some(room), RoomLeave {}.into());
            if let Err(error) = self.shared.cache.forget_settled(room).await {
                self.cache_failed(&error);
            }
        }
        if follow.is_some() {
            self.report_rooms();
        }
        match want {
            Some(Want::Connect) => {
                self.input(Input::Connect);
                self.news.connect_asked = true;
            }
            Some(Want::Disconnect) => {
                self.input(Input::Disconnect);
                // A wish to connect before it is settled with it.
                self.news.connect_asked = true;
            }
            None => {}
        }
        match nudge {
            Some(Nudge::Woke) => self.input(Input::Woke),
            Some(Nudge::NetworkChanged) => self.input(Input::NetworkChanged),
            Some(Nudge::Retry) => self.input(Input::RetryNow),
            None => {}
        }
        if let Some(append) = append {
            // Whoever waited for another has given up: they take turns.
            self.appending = Some(Appending::Waits(append));
        }
        self.momentary.append(momentary);
        for analysis in ended {
            self.momentary.forget_analysis(analysis);
        }
        self.pump |= pump;
        self.news.recount |= pump;
        self.news.touched.notifications |= notifications;
        self.news.touched.projects |= notifications || cancelled.is_some();
        self.news.touched.analyses.extend(cancelled);
    }

    /// Joins what is to be joined, each room from its position.
    pub(super) async fn join_rooms(&mut self, now: Moment) -> Result<(), CacheError> {
        let rooms = self.rooms.to_join(now.mono);
        if rooms.is_empty() {
            return Ok(());
        }
        let positions = self.shared.cache.positions().await?;
        for room in rooms {
            let since = positions.get(&room).copied().flatten();
            let id = CommandId::fresh();
            let join = RoomJoin { since, streams: self.rooms.streams_to_join(room) };
            if !self.send_frame(Some(id), Some(room), join.into()) {
                break;
            }
            self.rooms.joining(room, id);
        }
        Ok(())
    }

    /// Says at which streams it looks now, in rooms that it is in: a join that changes nothing else. Should the server have
    /// let go of us meanwhile, it is one like any other, from the position.
    pub(super) async fn look_at_streams(&mut self, now: Moment) -> Result<(), CacheError> {
        let looks = self.rooms.to_look(now.mono);
        if looks.is_empty() {
            return Ok(());
        }
        let positions = self.shared.cache.positions().await?;
        for (room, streams) in looks {
            let since = positions.get(&room).copied().flatten();
            let id = CommandId::fresh();
            let join = RoomJoin { since, streams: streams.clone() };
            if !self.send_frame(Some(id), Some(room), join.into()) {
                break;
            }
            self.rooms.looking(room, id, streams);
        }
        Ok(())
    }

    /// Sends what waits in the outbox, as far as there is room for it.
    pub(super) async fn send_waiting(&mut self, now: Moment) -> Result<(), CacheError> {
        if self.congested_until.is_some_and(|until| until <= now.mono) {
            self.congested_until = None;
            self.pump = true;
        }
        if self.window.pause_ended(now.mono) {
            self.pump = true;
        }
        while self.pump {
            let Some((after, limit)) = self.window.wants(now.mono) else {
                self.pump = false;
                break;
            };
            let waiting = self.shared.cache.queued(after, limit).await?;
            self.pump = waiting.len() == limit;
            for next in waiting {
                match self.window.offer(&next) {
                    Offer::Send => {}
                    Offer::Sent => continue,
                    Offer::Wait => {
                        self.pump = false;
                        break;
                    }
                }
                let Some(link) = &self.link else { return Ok(()) };
                if link.room() <= RESERVED || link.send(next.frame).is_err() {
                    self.window.take_back(next.id);
                    self.congested_until = Some(now.mono + CONGESTION);
                    self.pump = false;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Says what is so now and was not yet said on this connection.
    pub(super) fn say_momentary(&mut self, now: Moment) {
        let Some(link) = &self.link else { return };
        let mut full = false;
        self.momentary.say(|room, command| {
            let said = frame(None, room, command.clone()).is_some_and(|frame| link.send(frame).is_ok());
            full |= !said;
            said
        });
        if full {
            self.congested_until = Some(now.mono + CONGESTION);
        }
    }

    /// Sends a frame that means something on this connection only; says whether it could be handed over.
    pub(super) fn send_frame(&self, id: Option<CommandId>, room: Option<Room>, command: Command) -> bool {
        let Some(link) = &self.link else { return false };
        frame(id, room, command).is_some_and(|frame| link.send(frame).is_ok())
    }
}

fn frame(id: Option<CommandId>, room: Option<Room>, command: Command) -> Option<String> {
    match serde_json::to_string(&ClientFrame { id, room, command }) {
        Ok(text) => Some(text),
        Err(error) => {
            tracing::error!(%error, "a command cannot be written as JSON");
            None
        }
    }
}
