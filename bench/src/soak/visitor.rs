//! Who comes and goes: some take their leave, some vanish, some do not read.

use std::{rc::Rc, time::Duration, time::Instant};

use anyhow::Result;
use tokio::time::{sleep, timeout};

use crate::{
    connection::Connection,
    peer::{Seat, Server},
};

/// How long a busy connection rests between two commands.
const REST: Duration = Duration::from_secs(2);
/// How many of the busy ones also post.
const POSTS: usize = 50;
/// How long a slow reader reads nothing.
const SLOW: Duration = Duration::from_millis(1500);

/// Joins, says something again and again, and reads all that comes, until the time is over.
pub async fn busy(server: Rc<Server>, seat: Seat, number: usize, until: Instant) -> Result<()> {
    let (mut connection, _) = Connection::open(&server, seat, [None; 2]).await?;
    let mut turns = number;
    while Instant::now() < until {
        connection.send(&Server::presence(turns.is_multiple_of(2))?).await?;
        if number.is_multiple_of(POSTS) {
            connection.send(&server.post(seat.room)?).await?;
        }
        turns += 1;
        listen(&mut connection, REST).await?;
    }
    connection.bye().await
}

/// One visit; its number says of which kind.
pub async fn visit(server: &Server, seat: Seat, number: usize) -> Result<()> {
    let (mut connection, _) = Connection::open(server, seat, [None; 2]).await?;
    match number % 4 {
        0 => {
            connection.send(&Server::presence(true)?).await?;
            connection.send(&server.post(seat.room)?).await?;
            listen(&mut connection, Duration::from_millis(200)).await?;
            connection.bye().await
        }
        1 => {
            listen(&mut connection, Duration::from_millis(50)).await?;
            connection.vanish()
        }
        2 => {
            sleep(SLOW).await;
            connection.vanish()
        }
        _ => {
            sleep(SLOW / 2).await;
            listen(&mut connection, Duration::from_millis(100)).await?;
            connection.bye().await
        }
    }
}

/// Reads for a while.
async fn listen(connection: &mut Connection, during: Duration) -> Result<()> {
    let until = Instant::now() + during;
    while let Ok(turn) = timeout(until.saturating_duration_since(Instant::now()), connection.turn(|_, _| {})).await {
        turn?;
        if Instant::now() >= until {
            break;
        }
    }
    Ok(())
}
