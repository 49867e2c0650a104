//! What the server says, into the cache and the machines.

use std::sync::{Arc, atomic::Ordering};

use watchbell_protocol::{
    Answer, Class, CommandId, Position, Room, RoomEvent, ServerFrame, StatePage, WireError,
    frame::{Connected, Gap, Resync},
};

use super::{Driver, is_known};
use crate::{
    cache::{Applied, CacheError, Popups},
    change::Change,
    changes::Heard,
    outbox::window::Verdict,
    popup::{News, summary_shown},
    session::{Input, Moment, rooms::Next},
    transport::Inbound,
};

type Result<T = (), E = CacheError> = std::result::Result<T, E>;

impl Driver {
    pub(super) async fn inbound(&mut self, inbound: Inbound) {
        if !matches!(inbound, Inbound::Closed(..)) {
            self.heard_at = self.moment().wall;
            self.input(Input::Heard);
        }
        match inbound {
            Inbound::Frame(frame) => {
                if let Err(error) = self.frame(*frame).await {
                    self.cache_failed(&error);
                }
            }
            Inbound::Alive => {}
            Inbound::Pong(payload) => {
                if payload == self.ping.number.to_be_bytes()
                    && let Some(sent) = self.ping.sent.take()
                {
                    self.ping.latency = Some(self.moment().mono.saturating_sub(sent));
                    self.input(Input::Pong);
                }
            }
            Inbound::Closed(code, reason) => {
                tracing::debug!(code, reason, "the connection ended");
                self.input(Input::Closed(code, reason));
            }
        }
    }

    async fn frame(&mut self, frame: ServerFrame) -> Result {
        match frame {
            ServerFrame::Connected(connected) => self.connected(connected).await,
            ServerFrame::Answer { re, result } => self.answer(re, result).await,
            ServerFrame::Event(event) => self.events(vec![*event]).await,
            ServerFrame::Batch(events) => self.events(events).await,
            ServerFrame::Resync { room, resync } => self.resync(room, &resync).await,
            ServerFrame::State { room, state } => self.page(room, &state).await,
            ServerFrame::Board { room, board } => self.board(room, board).await,
            ServerFrame::CaughtUp { room, caught_up } => self.caught_up(room, caught_up).await,
            ServerFrame::Gone { room, gone } => {
                let touched = self.shared.cache.board_value_gone(room, &gone.event, &gone.key).await?;
                self.news.touched.absorb(touched);
                Ok(())
            }
            ServerFrame::Left { room } => self.left(room).await,
            ServerFrame::Heads(heads) => self.heads(heads).await,
            ServerFrame::GoingAway(going_away) => {
                self.input(Input::GoingAway(std::time::Duration::from_millis(going_away.reconnect_in_ms.into())));
                Ok(())
            }
            ServerFrame::Error(error) => {
                tracing::warn!(code = ?error.code, field = error.field, error = error.message, "the server refused a frame");
                Ok(())
            }
            ServerFrame::Gap { room, gap: Gap { stream, dropped } } => {
                self.hear(Heard::Gap { room, stream, dropped });
                Ok(())
            }
            ServerFrame::Unknown => Ok(()),
        }
    }

    async fn connected(&mut self, connected: Connected) -> Result {
        let own = connected.user_room;
        self.me = match own {
            Some(Room::User(user)) => Some(user),
            _ => None,
        };
        let who = own.map_or_else(|| "an API token".to_owned(), |room| room.to_string());
        let cache = &self.shared.cache;
        if cache.claim(&format!("{who} at {}", self.options.server)).await? {
            self.news.touched.projects = true;
            self.news.touched.notifications = true;
            self.news.recount = true;
        }
        let offered = if own.is_some() {
            cache.project_ids().await?
        } else {
            cache.name_projects(&connected.projects).await?;
            self.news.touched.projects = true;
            connected.projects.iter().map(|project| project.id).collect()
        };
        let offered = offered.into_iter().map(Room::Project).collect();
        tracing::info!(connection.id = %connected.connection, server.version = connected.version, "connected");
        self.rooms.connected(own, offered);
        self.window.reconnected();
        self.momentary.reconnected();
        self.pump = true;
        self.input(Input::Opened);
        self.report_rooms();
        Ok(())
    }

    async fn answer(&mut self, re: CommandId, result: std::result::Result<Answer, WireError>) -> Result {
        let now = self.moment();
        let refusal = result.as_ref().err();
        if self.rooms.answered(re, refusal, now.mono) {
            self.report_rooms();
            return Ok(());
        }
        if self.append_answered(re, refusal) {
            return Ok(());
        }
        self.pump = true;
        match result {
            Ok(answer) => {
                self.window.applied(re);
                self.shared.cache.settle(re, &answer).await?;
                self.news.touched.notifications = true;
                self.shared.answered(re, Ok(answer));
            }
            Err(error) => match self.window.refused(re, &error, now.mono, now.jitter) {
                Verdict::Again => {
                    tracing::debug!(command.id = %re, code = ?error.code, "refused for the moment; sent again later");
                }
                Verdict::Final => self.refused(re, error).await?,
            },
        }
        self.news.recount = true;
        Ok(())
    }

    /// A command was refused for good: what it showed is taken back.
    async fn refused(&mut self, command: CommandId, error: WireError) -> Result {
        let Some(name) = self.shared.cache.drop_command(command).await? else {
            tracing::debug!(command.id = %command, code = ?error.code, "the server refused a frame of this connection");
            return Ok(());
        };
        tracing::info!(command.id = %command, name, code = ?error.code, error = error.message, "refused");
        self.news.touched.notifications = true;
        self.news.touched.projects = true;
        if !self.shared.answered(command, Err(error.clone())) {
            self.shared.listeners.tell(&[Change::Refused { command, name, error }]);
        }
        Ok(())
    }

    async fn events(&mut self, events: Vec<RoomEvent>) -> Result {
        // Lines of streams are kept nowhere: the cache has nothing to do with them.
        let is_line = |event: &RoomEvent| event.event.class() == Class::Stream;
        let (lines, events): (Vec<_>, Vec<_>) = events.into_iter().partition(is_line);
        for line in lines {
            self.hand_on(line);
        }
        if events.is_empty() {
            return Ok(());
        }
        let (shared, at) = (Arc::clone(&self.shared), self.moment());
        let me = self.me;
        let applied = shared.cache.apply(&events, me, &mut self.popups(at)).await?;
        if shared.events.receiver_count() > 0 {
            let mut events = events.into_iter().map(Some).collect::<Vec<_>>();
            for event in applied.taken.iter().filter_map(|&index| events[index].take()) {
                self.hand_on(event);
            }
        }
        self.absorb(applied);
        Ok(())
    }

    fn hand_on(&self, event: RoomEvent) {
        if is_known(&event.event) {
            self.hear(Heard::Event(Arc::new(event)));
        }
    }

    fn hear(&self, heard: Heard) {
        // An error means that nobody listens.
        let _ = self.shared.events.send(heard);
    }

    async fn resync(&mut self, room: Room, resync: &Resync) -> Result {
        tracing::info!(%room, reason = ?resync.reason, "the room is rebuilt from its state");
        self.shared.cache.begin_rebuild(room, resync).await
    }

    async fn page(&mut self, room: Room, page: &StatePage) -> Result {
        let (shared, at) = (Arc::clone(&self.shared), self.moment());
        let applied = shared.cache.apply_page(room, page, &mut self.popups(at)).await?;
        if page.last {
            self.news.recount = true;
            self.hear(Heard::Rebuilt { room });
        }
        self.absorb(applied);
        Ok(())
    }

    async fn board(&mut self, room: Room, board: Vec<RoomEvent>) -> Result {
        let touched = self.shared.cache.replace_board(room, &board).await?;
        self.news.touched.absorb(touched);
        if self.shared.events.receiver_count() > 0 {
            for event in board {
                self.hand_on(event);
            }
        }
        Ok(())
    }

    async fn caught_up(&mut self, room: Room, head: Position) -> Result {
        let agrees = agrees(self.shared.cache.position(room).await?, head);
        let next = self.rooms.caught_up(room, agrees);
        self.go_on(room, next);
        if next != Next::Fine {
            return Ok(());
        }
        if Some(room) == self.rooms.own() {
            self.tell_missed().await?;
        }
        self.report_rooms();
        self.saved(self.moment()).await
    }

    /// What came while we were away is one summary.
    async fn tell_missed(&mut self) -> Result {
        let count = self.shared.cache.take_missed().await?;
        if count > 0 {
            let unread = self.shared.cache.unread().await?;
            let shown = summary_shown(self.shared.focused.load(Ordering::Relaxed));
            self.shared.listeners.tell(&[Change::Summary { count, unread, shown }]);
        }
        Ok(())
    }

    async fn heads(&mut self, heads: std::collections::BTreeMap<Room, Position>) -> Result {
        let positions = self.shared.cache.positions().await?;
        for (room, head) in heads {
            let agrees = agrees(positions.get(&room).copied().flatten(), head);
            let next = self.rooms.head(room, agrees);
            self.go_on(room, next);
        }
        self.report_rooms();
        self.saved(self.moment()).await
    }

    async fn left(&mut self, room: Room) -> Result {
        self.rooms.left(room);
        if let Room::Project(project) = room {
            let touched = self.shared.cache.wipe(project).await?;
            self.news.touched.absorb(touched);
            self.news.recount = true;
        }
        self.report_rooms();
        Ok(())
    }

    /// Takes over what a transaction brought.
    fn absorb(&mut self, applied: Applied) {
        let Applied { touched, gaps, taken, entered, left } = applied;
        self.news.touched.absorb(touched);
        for room in gaps {
            let next = self.rooms.gap(room);
            self.go_on(room, next);
        }
        // An event that settles one of our commands makes one fewer wait in sight.
        self.news.recount |= !taken.is_empty() && self.shared.connection.borrow().waiting > 0;
        for &project in &left {
            self.rooms.left(Room::Project(project));
        }
        for &project in &entered {
            self.rooms.entered(project);
        }
        if !left.is_empty() || !entered.is_empty() {
            self.report_rooms();
        }
    }

    fn go_on(&mut self, room: Room, next: Next) {
        match next {
            Next::Fine => {}
            Next::Rejoin => {
                tracing::info!(%room, "something was missed: joining again from the position");
                self.report_rooms();
            }
            Next::Hopeless => {
                self.input(Input::Broken(format!("{room} does not get up to date")));
            }
        }
    }

    /// Tells the session machine how many rooms are up to date.
    pub(super) fn report_rooms(&mut self) {
        let (done, of) = self.rooms.progress();
        self.input(Input::Rooms { done, of });
    }

    fn popups(&mut self, at: Moment) -> Popups<'_> {
        let live = self.rooms.own().is_none_or(|own| self.rooms.is_live(own));
        let news = if live { News::Live } else { News::Missed };
        let focused = self.shared.focused.load(Ordering::Relaxed);
        Popups { policy: &mut self.popups, focused, news, at }
    }
}

/// Whether the cache stands where the server says, or beyond: an event may overtake word of the head.
fn agrees(position: Option<Position>, head: Position) -> bool {
    position.is_some_and(|position| {
        position.epoch == head.epoch
            && (position.seq > head.seq || (position.seq == head.seq && position.tag == head.tag))
    })
}
