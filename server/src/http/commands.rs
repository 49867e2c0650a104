//! `POST /v1/rooms/{room}/commands`: one command without a connection, for scripts. The body is the frame that a
//! connection would send. A durable command's id applies it once, however often it is sent and by which way; a momentary
//! one needs none.

use axum::{
    Json,
    extract::{Path, State},
};
use watchbell_protocol::{Answer, ClientFrame, Command, Delivery, ErrorCode, Room, WireError};

use super::{Caller, ClientAddress, Refusal, body::TextBody};
use crate::{
    App, ingest,
    limits::{self, Taker},
    metrics::Limit,
};

/// Applies the command and answers as a connection would, after the commit; a momentary one is answered as well.
pub async fn post(
    State(app): State<App>,
    Path(room): Path<String>,
    ClientAddress(address): ClientAddress,
    Caller(principal): Caller,
    TextBody(text): TextBody,
) -> Result<Json<Answer>, Refusal> {
    let room: Room = room.parse().map_err(|error: watchbell_protocol::room::NotARoom| {
        WireError::new(ErrorCode::BadRequest, error.to_string()).at("room")
    })?;
    let taken = app.limits.commands.take(Taker::from(&*principal), address);
    taken.map_err(|wait| {
        app.metrics.limited.count(Limit::Commands);
        limits::too_many("too many commands", wait)
    })?;
    let frame = in_room(ClientFrame::parse(&text).map_err(|refused| refused.error)?, room)?;
    if frame.command.delivery() == Delivery::Momentary {
        app.momentary.take(&principal, frame).await?;
        return Ok(Json(Answer { room: Some(room), ..Answer::default() }));
    }
    let pending = app.ingest.submit(principal, frame).await?;
    let answer = pending.await.map_err(|_| ingest::stopping())?;
    Ok(Json(answer?))
}

/// The frame in the room of the path, if it belongs there and means something without a connection.
fn in_room(frame: ClientFrame, room: Room) -> Result<ClientFrame, WireError> {
    if frame.room.is_some_and(|named| named != room) {
        return Err(WireError::new(ErrorCode::BadRequest, "is another room than the path's").at("room"));
    }
    match (frame.command.delivery(), &frame.command) {
        // Presence is that of a connected device.
        (Delivery::Connection, _) | (Delivery::Momentary, Command::PresenceUpdate(_)) => {
            let message = format!("{} needs a connection", frame.command.name());
            Err(WireError::new(ErrorCode::BadRequest, message).at("cmd"))
        }
        (Delivery::Durable | Delivery::Momentary, _) => Ok(ClientFrame { room: Some(room), ..frame }),
    }
}

#[cfg(test)]
mod tests {
    use watchbell_protocol::{CommandId, ProjectId};

    use super::*;

    fn frame(cmd: &str, room: Option<Room>) -> ClientFrame {
        let room = room.map(|room| format!(r#""room":"{room}","#)).unwrap_or_default();
        let id = CommandId::fresh();
        ClientFrame::parse(&format!(r#"{{"id":"{id}",{room}"cmd":"{cmd}","data":{{"title":"hi"}}}}"#)).unwrap()
    }

    #[test]
    fn a_frame_goes_to_the_room_of_the_path() {
        let [here, there] = [(); 2].map(|()| Room::Project(ProjectId::fresh()));
        for named in [None, Some(here)] {
            assert_eq!(in_room(frame("activity:post", named), here).unwrap().room, Some(here));
        }
        let error = in_room(frame("activity:post", Some(there)), here).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("room"));
    }

    #[test]
    fn what_means_something_on_a_connection_only_is_refused() {
        let error = in_room(frame("room:join", None), Room::Project(ProjectId::fresh())).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("cmd"));
    }
}
