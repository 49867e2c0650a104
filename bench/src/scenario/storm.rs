//! The server is killed, and everybody comes back at once, each 50 events behind: how long until all are live, and
//! whether every one of the missed events was given to every one of them. Beside it the same with nothing missed, and
//! what reconnecting alone takes with those who keep nothing.

use std::rc::Rc;

use anyhow::{Context as _, Result};

use super::{MEMBERS, Plan, connect::quiet};
use crate::{
    connection::Connection,
    crowd::{Comers, Coming, Crowd},
    peer::{Peer, Seat, Server, Shape, Step},
    report::{Figure, Target, Unit},
};

/// Events that everybody missed.
const MISSED: usize = 50;
/// Connections on their way at the same time: as many as a listener keeps waiting.
const AT_ONCE: Coming = Coming::AtOnce(512);

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let sizes = if plan.quick { vec![plan.storm] } else { vec![plan.storm / 4, plan.storm / 2, plan.storm] };
    for clients in sizes {
        let named = |name: &str, unit| Figure::new("storm", name, clients, unit);
        let mut pure = named("all back, nothing missed", Unit::Seconds);
        let mut behind = named("all live, each 50 events behind", Unit::Seconds);
        let mut lost = named("missed events that were not given", Unit::Percent).target(Target::AtMost(0.0));
        for peer in Peer::ALL {
            let mut server = Server::start(peer, &plan.programs, Shape::one_room(MEMBERS)).await?;
            let mut comers = Comers::to_one_room(clients, AT_ONCE);
            if peer == Peer::Watchbell {
                let known;
                (server, known) = come_and_crash(server, &comers).await?;
                comers.since = known;
            }
            let back;
            (server, back) = come(server, &comers).await?;
            pure.add(peer, back.took);
            if peer == Peer::Watchbell {
                server.crash().await?;
                miss(&server).await?;
                let (_, caught_up) = come(server, &comers).await?;
                behind.add(peer, caught_up.took);
                lost.add(peer, 100.0 * (1.0 - caught_up.replayed as f64 / (clients * MISSED) as f64));
            }
        }
        if let Some(pure) = pure.value(Peer::Watchbell) {
            behind = behind.target(Target::AtMost(3.0 * pure));
            behind.note("the target is three times what the same clients take with nothing missed");
        }
        figures.extend([pure, behind, lost]);
    }
    Ok(figures)
}

/// How they came.
struct Back {
    /// Until all were live, seconds.
    took: f64,
    /// Entries of the journal that they were given, all together.
    replayed: usize,
}

/// Lets everybody come for the first time, and kills the server: what each knew.
async fn come_and_crash(
    server: Server,
    comers: &Comers,
) -> Result<(Server, Vec<[Option<watchbell_protocol::Position>; 2]>)> {
    let server = Rc::new(server);
    let crowd = Crowd::open(&server, comers, Server::marks().1).await?;
    quiet(&server).await?;
    let known = crowd.joined().into_iter().map(|joined| joined.positions).collect();
    let mut server = alone(server, crowd).await?;
    server.crash().await?;
    Ok((server, known))
}

/// Lets everybody come, and leave again.
async fn come(server: Server, comers: &Comers) -> Result<(Server, Back)> {
    let server = Rc::new(server);
    let crowd = Crowd::open(&server, comers, Server::marks().1).await?;
    let replayed = crowd.joined().iter().map(|joined| joined.replayed).sum();
    let back = Back { took: crowd.took.as_secs_f64(), replayed };
    Ok((alone(server, crowd).await?, back))
}

/// The server without anybody who holds it.
async fn alone(server: Rc<Server>, crowd: Crowd) -> Result<Server> {
    crowd.leave().await;
    Rc::into_inner(server).context("whoever left holds nothing")
}

/// What happens while everybody is away.
async fn miss(server: &Server) -> Result<()> {
    let mut author = Connection::upgrade(server, Seat { room: 0, place: 0 }).await?;
    for _ in 0..MISSED {
        let step = Step { send: server.post(0)?, answer: Step::COMMAND, times: 1 };
        author.say(&step, |_| {}).await?;
    }
    Ok(())
}
