//! What an idle connection that joined costs in resident memory: what the server's grew by, over the connections. It is
//! read when the server has nothing more to do.

use anyhow::Result;

use super::{AT_ONCE, MEMBERS, Plan, connect::quiet};
use crate::{
    crowd::{Comers, Crowd},
    peer::{Peer, Server},
    report::{Figure, Target, Unit},
};

const SIZES: [usize; 3] = [1000, 5000, 10_000];

pub async fn run(plan: &Plan) -> Result<Vec<Figure>> {
    let figure = |size| Figure::new("memory", "RSS per idle connection in 2 rooms", size, Unit::Bytes);
    let mut figures: Vec<Figure> = SIZES.into_iter().map(figure).collect();
    if let Some(last) = figures.last_mut() {
        last.targets = vec![Target::AtMost(8192.0)];
    }
    for peer in Peer::ALL {
        let server = plan.start(peer, MEMBERS).await?;
        let before = server.rss()?;
        let mut crowds = Vec::new();
        let mut here = 0;
        for figure in &mut figures {
            let coming = Comers::to_one_room(figure.size as usize - here, AT_ONCE);
            crowds.push(Crowd::open(&server, &coming, Server::marks().0).await?);
            here = figure.size as usize;
            quiet(&server).await?;
            figure.add(peer, server.rss()?.saturating_sub(before) as f64 / here as f64);
        }
        for crowd in &crowds {
            crowd.check()?;
        }
    }
    Ok(figures)
}
