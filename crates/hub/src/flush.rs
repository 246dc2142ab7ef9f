//! Writes on behalf of sleeping socket tasks. A fan-out costs one write per socket and wakes no task. A
//! socket's task writes only what the connection did not accept immediately.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use crate::replication::snapshot::EventTag;
use crate::tasks::spawn;
use crate::{Hub, Socket};

/// Sockets per writing task. More sockets are divided among several tasks.
const SOCKETS_PER_TASK: usize = 64;

impl Hub {
    /// Queues an event that belongs to no group for one socket, and writes it if the socket's task sleeps.
    /// Sockets with a scope do not receive it.
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

    /// Adds sockets to the list for the next [flush](Self::flush).
    pub(crate) fn due(&self, sockets: &mut Vec<Arc<Socket>>) {
        let mut due = self.due.lock();
        if due.is_empty() {
            mem::swap(&mut *due, sockets);
        } else {
            due.append(sockets);
        }
    }

    /// Writes to all listed sockets. Further tasks share the work if there are many.
    pub(crate) fn flush(&self) {
        let mut due = mem::take(&mut *self.due.lock());
        while due.len() > SOCKETS_PER_TASK {
            let share = due.split_off(due.len() - SOCKETS_PER_TASK);
            spawn(&self.broken, async move { write_to(&share) });
        }
        write_to(&due);
    }
}

fn write_to(sockets: &[Arc<Socket>]) {
    for socket in sockets {
        socket.flush();
    }
}
