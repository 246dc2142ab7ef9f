//! Writing for sockets whose tasks sleep. A fan-out costs one write for each socket and wakes no task.
//! A socket's task writes only the rest that the connection did not accept at once.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use crate::replication::snapshot::EventTag;
use crate::{Hub, Socket};

/// Sockets that one task writes to; further tasks write to more.
const SHARE: usize = 64;

impl Hub {
    /// Queues an event of no group for one socket, and writes it if the socket's task sleeps.
    pub(crate) fn push(&self, socket: &Arc<Socket>, frame: Bytes) {
        if !socket.is_scoped() {
            self.push_own(socket, frame);
        }
    }

    /// Queues an answer for one socket, and writes it if the socket's task sleeps.
    pub(crate) fn push_own(&self, socket: &Arc<Socket>, frame: Bytes) {
        let mut due = Vec::new();
        let pushed = socket.push_own(frame, EventTag::default(), self.bounds(), &mut due);
        self.counters.pushed(pushed, 1);
        write_to(&due);
    }

    /// Lists sockets for the next [flush](Self::flush).
    pub(crate) fn due(&self, sockets: &mut Vec<Arc<Socket>>) {
        let mut due = self.due.lock();
        if due.is_empty() {
            mem::swap(&mut *due, sockets);
        } else {
            due.append(sockets);
        }
    }

    /// Writes to every listed socket, with the help of other tasks if they are many.
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
