//! The tables of the API: one line for each route, event and payload. The router, the dispatch of events, the OpenAPI
//! and AsyncAPI documents, the tables of `docs/protocol.md` and the tests are generated from them.
//!
//! A file in this folder has the payloads, events and routes of one noun. Nouns that are too long for one file are
//! split over `wire::input`, `ws::events`, `wire::events` and `rest`.

pub mod audit;
pub mod bot;
pub mod hook;
pub mod invite;
pub mod key;
pub mod oidc;
pub mod pin;
pub mod push;
pub mod reaction;
pub mod report;
pub mod webhook;

use crate::wire::events::{
    GroupChanged, GroupDeleted, GroupLeft, MessageEdited, MessageSent, MessagesDeleted, MessagesFetched,
    ReadMark, RelationChanged, StatusChanged, Synced, TypingStarted, TypingStopped, UserDeleted,
};
use crate::wire::group_settings::GroupSettingsChanged;
use crate::wire::input::payload::RestPayload;
use crate::wire::input::{account, group as groups, message as messages, relation, user};
use crate::wire::profile::UserChanged;
use crate::wire::server_event::ServerEventEntry;
use crate::wire::summary::{ContactSummary, GroupSummary, SummaryMore};
use crate::ws::client_event::ClientEventEntry;
use crate::ws::events::{contact, group, message, status, sync, typing};

/// Passes every route to a macro: those under `api` need a permit; those about the server itself are answered under
/// any load.
macro_rules! routes {
    ($expand:ident) => {
        $expand! {
            api {
                "/api/v1/server/" {
                    get server::get: answers(200, 200, 200);
                }
                "/api/v1/settings/" {
                    get settings::get: answers(401, 403, 200);
                }
                "/api/v1/accounts/" {
                    post account::create: answers(201, 201, 201).makes_session().adds()
                        .example(|ids| json!({ "name": ids.fresh, "password": "a long password" }));
                }
                "/api/v1/accounts/me/" {
                    patch account::change_password: answers(401, 409, 403)
                        .example(|_| json!({ "old": "not the password", "new": "another password" }));
                }
                "/api/v1/sessions/" {
                    post session::create: answers(401, 401, 401).makes_session()
                        .example(|ids| json!({ "name": ids.fresh, "password": "not the password" }));
                    get session::get: answers(401, 200, 403);
                    delete session::delete: answers(401, 200, 403);
                }
                "/oidc/begin/" {
                    get oidc::begin: answers(404, 404, 404).makes_session();
                }
                "/oidc/callback/" {
                    get oidc::callback: answers(404, 404, 404).makes_session();
                }
                "/api/v1/oidc/" {
                    post oidc::create: answers(404, 404, 404).makes_session()
                        .example(|ids| json!({ "name": ids.fresh }));
                }
                "/api/v1/tickets/" {
                    post ticket::create: answers(401, 201, 403);
                }
                "/api/v1/users/" {
                    post user::create: answers(401, 403, 201).adds().example(|ids| json!({ "name": ids.fresh }));
                    get user::list: answers(401, 200, 200);
                }
                "/api/v1/users/{name}/" {
                    get user::get: answers(401, 200, 200);
                    put user::put: answers(401, 403, 200).adds()
                        .example(|ids| json!({ "display_name": ids.fresh }));
                    patch user::update: answers(401, 403, 200).costs_by_body(users::patch_cost).adds()
                        .example(|ids| json!({ "new_name": ids.fresh }));
                    delete user::delete: answers(401, 403, 200);
                }
                "/api/v1/users/{name}/password/" {
                    put account::set_password: answers(401, 403, 409)
                        .example(|_| json!({ "password": "another password" }));
                }
                "/api/v1/users/{name}/tokens/" {
                    post token::create: answers(401, 403, 201).example(|_| json!({ "ttl": 60 }));
                    delete token::delete: answers(401, 403, 200);
                }
                "/api/v1/users/{name}/sessions/" {
                    get user_session::list: answers(401, 403, 200);
                }
                "/api/v1/users/{name}/sessions/{id}/" {
                    delete user_session::delete: answers(401, 403, 404);
                }
                "/api/v1/users/{name}/export/" {
                    get export::get: answers(401, 403, 200);
                }
                "/api/v1/users/{name}/keys/" {
                    post bot::create: answers(401, 403, 400)
                        .example(|ids| json!({ "groups": [ids.group], "may": ["read", "send"] }));
                    get bot::list: answers(401, 403, 400);
                }
                "/api/v1/users/{name}/keys/{id}/" {
                    get bot::get: answers(401, 403, 400);
                    delete bot::delete: answers(401, 403, 400);
                }
                "/api/v1/users/{name}/hooks/" {
                    post hook::create: answers(401, 403, 400).example(|ids| json!({ "group": ids.group }));
                    get hook::list: answers(401, 403, 400);
                }
                "/api/v1/users/{name}/hooks/{id}/" {
                    get hook::get: answers(401, 403, 400);
                    delete hook::delete: answers(401, 403, 400);
                }
                "/hooks/{secret}/" {
                    post hook::receive: answers(404, 404, 404).costs(Cost::Message).takes_hook()
                        .at("{secret}", UNKNOWN_HOOK).example(|_| json!({ "text": "theirs" }));
                }
                "/api/v1/groups/" {
                    post group::create: answers(401, 403, 201).costs_by_body(groups::new_cost).adds()
                        .example(|ids| json!({ "name": "theirs", "author": ids.author }));
                    get group::list: answers(401, 200, 200);
                }
                "/api/v1/groups/{id}/" {
                    get group::get: answers(401, 404, 200);
                    patch group::update: answers(401, 404, 200).costs_by_body(groups::patch_cost).adds()
                        .example(|ids| json!({ "name": ids.fresh }));
                    delete group::delete: answers(401, 404, 200).costs(Cost::Change);
                }
                "/api/v1/groups/{id}/messages/" {
                    get message::history: answers(401, 404, 200);
                }
                "/api/v1/groups/{id}/pins/" {
                    get pin::list: answers(401, 404, 200);
                }
                "/api/v1/groups/{id}/members/" {
                    get member::list: answers(401, 404, 200).costs_by_query(members_cost);
                }
                "/api/v1/groups/{id}/read/" {
                    post group::read: answers(401, 403, 200)
                        .example(|ids| json!({ "author": ids.author, "seq": 1 }));
                }
                "/api/v1/groups/{id}/quit/" {
                    post group::quit: answers(401, 403, 200).costs(Cost::Change).in_name_of_author();
                }
                "/api/v1/groups/{id}/accept/" {
                    post group::accept: answers(401, 403, 200).costs(Cost::Change).in_name_of_author();
                }
                "/api/v1/groups/{id}/join/" {
                    post join::join: answers(401, 403, 200).costs(Cost::Change).adds().in_name_of_author();
                }
                "/api/v1/groups/{id}/me/" {
                    patch group_settings::update: answers(401, 403, 200).costs(Cost::Change)
                        .example(|ids| json!({ "author": ids.author, "pinned": true }));
                }
                "/api/v1/groups/{id}/invites/" {
                    post invite::create: answers(401, 403, 201).costs(Cost::Change).adds()
                        .example(|ids| json!({ "author": ids.author, "uses": 5, "ttl": 3600 }));
                    get invite::list: answers(401, 404, 200);
                }
                "/api/v1/groups/{id}/invites/{code}/" {
                    get invite::get: answers(401, 404, 404).at("{code}", UNKNOWN_CODE);
                    delete invite::delete: answers(401, 404, 404).costs(Cost::Change).at("{code}", UNKNOWN_CODE);
                }
                "/api/v1/invites/{code}/" {
                    get invite::preview: answers(401, 404, 404).at("{code}", UNKNOWN_CODE);
                    post invite::join: answers(401, 403, 404).costs(Cost::Change).adds().in_name_of_author()
                        .at("{code}", UNKNOWN_CODE);
                }
                "/api/v1/files/" {
                    post file::create: answers(401, 201, 400).adds().reads_body_itself();
                    get file::list: answers(401, 200, 400);
                }
                "/api/v1/files/{id}/" {
                    get file::get: answers(401, 404, 404);
                }
                "/api/v1/files/{id}/{name}" {
                    get file::read: answers(401, 404, 404).takes_ticket();
                }
                "/api/v1/files/{id}/thumbnail/image.webp" {
                    get file::thumbnail: answers(401, 404, 404).takes_ticket();
                }
                "/api/v1/files/uploads/" {
                    options upload::options: answers(204, 204, 204);
                    post upload::create: answers(401, 412, 412).reads_body_itself();
                }
                "/api/v1/files/uploads/{id}/" {
                    head upload::offset: answers(401, 412, 412);
                    patch upload::append: answers(401, 412, 412).reads_body_itself();
                    delete upload::delete: answers(401, 412, 412);
                }
                "/api/v1/unread/" {
                    get group_settings::unread: answers(401, 200, 403);
                }
                "/api/v1/private/" {
                    put private::open: answers(401, 403, 201).adds()
                        .example(|ids| json!({ "users": [ids.author, ids.other] }));
                }
                "/api/v1/messages/" {
                    post message::create: answers(401, 403, 201).costs(Cost::Message).adds()
                        .example(|ids| json!({ "group": ids.group, "author": ids.author, "body": "theirs" }));
                    get search::list: answers(401, 400, 400).costs(Cost::Search);
                }
                "/api/v1/messages/{id}/" {
                    get message::get: answers(401, 404, 200);
                    patch message::update: answers(401, 404, 200).costs(Cost::Message).adds()
                        .example(|_| json!({ "body": "theirs" }));
                    delete message::delete: answers(401, 404, 200);
                }
                "/api/v1/messages/{id}/thread/" {
                    get thread::list: answers(401, 404, 200);
                }
                "/api/v1/messages/{id}/reactions/" {
                    get reaction::list: answers(401, 404, 200);
                }
                "/api/v1/messages/{id}/reactions/{emoji}/" {
                    put reaction::add: answers(401, 404, 200).costs(Cost::Change).adds().in_name_of_author()
                        .at("{emoji}", "%F0%9F%91%8D");
                    delete reaction::remove: answers(401, 404, 200).costs(Cost::Change).in_name_of_author()
                        .at("{emoji}", "%F0%9F%91%8D");
                }
                "/api/v1/messages/{id}/pin/" {
                    put pin::add: answers(401, 404, 200).costs(Cost::Change).adds().in_name_of_author();
                    delete pin::remove: answers(401, 404, 200).costs(Cost::Change).in_name_of_author();
                }
                "/api/v1/messages/{id}/reports/" {
                    post report::create: answers(401, 404, 201).costs(Cost::Report).adds()
                        .example(|ids| json!({ "author": ids.author, "reason": "theirs" }));
                }
                "/api/v1/audit/" {
                    get audit::list: answers(401, 403, 200);
                }
                "/api/v1/reports/" {
                    get report::list: answers(401, 403, 200);
                }
                "/api/v1/reports/{id}/" {
                    patch report::update: answers(401, 403, 404).example(|_| json!({ "state": "resolved" }));
                }
                "/api/v1/keys/" {
                    post key::create: answers(401, 403, 201).example(|_| json!({ "scopes": ["read"], "ttl": 60 }));
                    get key::list: answers(401, 403, 200);
                }
                "/api/v1/keys/{id}/" {
                    get key::get: answers(401, 403, 404);
                    delete key::delete: answers(401, 403, 404);
                }
                "/api/v1/events/" {
                    get feed::list: answers(401, 403, 404);
                }
                "/api/v1/webhooks/" {
                    post webhook::create: answers(401, 403, 201).adds().example(|_| json!({
                        "url": "https://hooks.example/chinwag", "types": ["user.delete"],
                    }));
                    get webhook::list: answers(401, 403, 200);
                }
                "/api/v1/webhooks/{id}/" {
                    get webhook::get: answers(401, 403, 404);
                    patch webhook::update: answers(401, 403, 404).example(|_| json!({ "types": ["*"] }));
                    delete webhook::delete: answers(401, 403, 404);
                }
                "/api/v1/webhooks/{id}/test/" {
                    post webhook::test: answers(401, 403, 404);
                }
                "/api/v1/webhooks/{id}/replay/" {
                    post webhook::replay: answers(401, 403, 404)
                        .example(|_| json!({ "after": "00000000000000000000000000000000.0" }));
                }
                "/api/v1/webhooks/{id}/attempts/" {
                    get webhook::attempts: answers(401, 403, 404);
                }
                "/api/v1/push/key/" {
                    get push::key: answers(401, 200, 200);
                }
                "/api/v1/push/subscriptions/" {
                    post push::create: answers(401, 201, 400).costs(Cost::Change).adds().example(|ids| json!({
                        "endpoint": format!("https://push.example/{}", ids.fresh),
                        "keys": {
                            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
                        },
                    }));
                    get push::list: answers(401, 200, 400);
                }
                "/api/v1/push/subscriptions/{id}/" {
                    delete push::delete: answers(401, 403, 404).in_name_of_author();
                }
                "/api/v1/search/" {
                    get search::overview: answers(401, 400, 400).costs(Cost::Search);
                }
                "/api/v1/relations/blocked/" {
                    post relation::blocked: answers(401, 403, 200)
                        .example(|ids| json!({ "author": ids.author, "target": ids.other }));
                }
            }
            service {
                "/healthz" {
                    get health::healthz;
                }
                "/readyz" {
                    get health::readyz;
                }
                "/metrics" {
                    get health::metrics;
                }
                "/api/v1/openapi.json" {
                    get openapi::document;
                }
                "/api/v1/asyncapi.json" {
                    get asyncapi::document;
                }
            }
        }
    };
}

pub(crate) use routes;

/// Every event that a client may send, in the order of the protocol's table.
pub static CLIENT_EVENTS: &[ClientEventEntry] = &[
    ClientEventEntry::of::<message::MessageText>(),
    ClientEventEntry::of::<message::MessageFirst>(),
    ClientEventEntry::of::<message::MessageFetch>(),
    ClientEventEntry::of::<message::MessageRead>(),
    ClientEventEntry::of::<message::MessageUpdate>(),
    ClientEventEntry::of::<message::MessageDelete>(),
    ClientEventEntry::of::<reaction::MessageReact>(),
    ClientEventEntry::of::<pin::MessagePin>(),
    ClientEventEntry::of::<status::StatusUpdate>(),
    ClientEventEntry::of::<contact::ContactUpdate>(),
    ClientEventEntry::of::<group::GroupCreate>(),
    ClientEventEntry::of::<group::GroupUpdate>(),
    ClientEventEntry::of::<group::GroupQuit>(),
    ClientEventEntry::of::<group::GroupAccept>(),
    ClientEventEntry::of::<group::GroupDelete>(),
    ClientEventEntry::of::<typing::TypingStart>(),
    ClientEventEntry::of::<typing::TypingStop>(),
    ClientEventEntry::of::<sync::SyncResume>(),
];

/// Every event that the server sends, except errors, in the order of the protocol's table.
pub(crate) static SERVER_EVENTS: &[ServerEventEntry] = &[
    ServerEventEntry::of::<GroupSummary>(),
    ServerEventEntry::of::<ContactSummary<'_>>(),
    ServerEventEntry::of::<SummaryMore>(),
    ServerEventEntry::of::<MessageSent<'_>>(),
    ServerEventEntry::of::<MessagesFetched<'_>>(),
    ServerEventEntry::of::<ReadMark<'_>>(),
    ServerEventEntry::of::<MessageEdited<'_>>(),
    ServerEventEntry::of::<MessagesDeleted<'_>>(),
    ServerEventEntry::of::<reaction::ReactionChanged<'_>>(),
    ServerEventEntry::of::<pin::PinChanged<'_>>(),
    ServerEventEntry::of::<StatusChanged<'_>>(),
    ServerEventEntry::of::<RelationChanged<'_>>(),
    ServerEventEntry::of::<GroupChanged<'_>>(),
    ServerEventEntry::of::<GroupSettingsChanged>(),
    ServerEventEntry::of::<GroupLeft<'_>>(),
    ServerEventEntry::of::<GroupDeleted>(),
    ServerEventEntry::of::<TypingStarted<'_>>(),
    ServerEventEntry::of::<TypingStopped<'_>>(),
    ServerEventEntry::of::<UserChanged<'_>>(),
    ServerEventEntry::of::<UserDeleted<'_>>(),
    ServerEventEntry::of::<Synced>(),
];

/// The payloads of requests, by noun.
pub(crate) const REST_PAYLOADS: &[&[RestPayload]] = &[
    account::REST,
    groups::REST,
    &[bot::NewBotKey::REST],
    hook::REST,
    &[invite::NewInvite::REST],
    &[key::NewKey::REST],
    messages::REST,
    push::REST,
    relation::REST,
    report::REST,
    user::REST,
    webhook::REST,
];
