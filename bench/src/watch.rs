//! Reads a server's memory again and again, for its peak.

use std::{cell::Cell, rc::Rc, time::Duration};

use tokio::{
    task::{JoinHandle, spawn_local},
    time::interval,
};

use crate::peer::Server;

/// How often.
const LOOK: Duration = Duration::from_millis(250);

/// Watches until it is dropped.
pub struct Watch {
    task: JoinHandle<()>,
    peak: Rc<Cell<u64>>,
}

impl Watch {
    /// Begins.
    pub fn start(server: &Rc<Server>) -> Self {
        let (peak, server) = (Rc::new(Cell::new(0)), server.clone());
        let noted = peak.clone();
        let task = spawn_local(async move {
            let mut ticks = interval(LOOK);
            while let Ok(now) = server.rss() {
                noted.set(noted.get().max(now));
                ticks.tick().await;
            }
        });
        Self { task, peak }
    }

    /// The most until now, bytes.
    pub fn peak(&self) -> u64 {
        self.peak.get()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
