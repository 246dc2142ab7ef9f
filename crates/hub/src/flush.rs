//! Writing for sockets whose tasks sleep. A fan-out to many costs one write for each of them, and
//! no task is woken; what a socket's own connection does not take at once is its task's business.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use crate::snapshot::Tag;
use crate::{Hub, Socket};

/// Sockets that one task writes to before another may have its turn, or help.
const SHARE: usize = 64;

impl Hub {
    /// Queues a frame for one socket, and writes it if the socket's task sleeps.
    pub(crate) fn push(&self, socket: &Arc<Socket>, frame: Bytes) {
        let mut due = Vec::new();
        let pushed = socket.push(frame, Tag::default(), self.bounds(), &mut due);
        self.tally.pushed(pushed, 1);
        write_to(&due);
    }

    /// Remembers sockets to be written to at the next [flush](Self::flush).
    pub(crate) fn due(&self, sockets: &mut Vec<Arc<Socket>>) {
        let mut due = self.due.lock();
        if due.is_empty() {
            mem::swap(&mut *due, sockets);
        } else {
            due.append(sockets);
        }
    }

    /// Writes to every socket that is due: to few at once, to many with the help of other tasks.
    pub(crate) fn flush(&self) {
        let mut due = mem::take(&mut *self.due.lock());
        while due.len() > SHARE {
            let share = due.split_off(due.len() - SHARE);
            tokio::spawn(async move { write_to(&share) });
        }
        write_to(&due);
    }
}

fn write_to(sockets: &[Arc<Socket>]) {
    for socket in sockets {
        socket.flush();
    }
}
