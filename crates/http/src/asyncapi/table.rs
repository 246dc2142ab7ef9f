//! The close codes and the error events.

/// An error event, whose codes are HTTP status codes.
pub(super) struct ErrorEvent {
    pub(super) event: &'static str,
    pub(super) about: &'static str,
    pub(super) codes: &'static [u16],
}

/// Each close code with its reason and the client's expected reaction.
pub(super) const CLOSES: &[(u16, &str)] = &[
    (1001, "no pong was received for 60 s, or the server drains: reconnect"),
    (1002, "a WebSocket frame is malformed: fix the client"),
    (1007, "a text frame is not UTF-8: fix the client"),
    (1009, "a frame is over `ws.max_frame`: send less at once"),
    (1011, "a fault of the server: reconnect"),
    (1012, "the server restarts: reconnect"),
    (4001, "the credential has ended: sign in again"),
    (4003, "the account is suspended: requests say until when, and why"),
    (4008, "you read too slowly: reconnect and resume"),
    (4009, "resync required: the server cannot send you a complete sequence: reconnect and resume at once"),
    (
        4029,
        "too many events: 500 were refused with 429 within 10 s, or too many frames that are no events, \
         or too many resumes: slow down",
    ),
];

pub(super) const ERROR_EVENTS: &[ErrorEvent] = &[
    ErrorEvent {
        event: "error.decode",
        about: "Not JSON, not an object, or not a text frame.",
        codes: &[400],
    },
    ErrorEvent {
        event: "error.type",
        about: "The event has no type (400), or there is no such event (404).",
        codes: &[400, 404],
    },
    ErrorEvent {
        event: "error.data",
        about: "The event is refused by its content or by the sender's rights; nothing was changed.",
        codes: &[400, 401, 403, 404, 409, 429],
    },
    ErrorEvent {
        event: "error.handler",
        about: "A fault of the server (500), or it is busy and nothing was changed, or the outcome is \
                unknown (503, the detail says which): try again, messages with the same `client_id`. Or its \
                disk is nearly full, and nothing new is stored (507).",
        codes: &[500, 503, 507],
    },
];
