//! The rules of routes: expected responses, cost, an example.

use std::borrow::Cow;

use axum::http::Method;
use chinwag_core::Result;
use chinwag_core::rate::Cost;
use chinwag_core::scope::{Scope, Scopes};
use serde_json::{Value, json};

use crate::api::routes;
use crate::scopes::PathScopes;
use crate::wire::input::{group as groups, user as users};

/// The code of an invite that does not exist, for examples.
const UNKNOWN_CODE: &str = "cw_invite_0000000000000000000000";
/// The secret of a hook that does not exist, for examples.
const UNKNOWN_HOOK: &str = "cw_hook_0000000000000000000000000000000000000000000";

/// A route of the API: a method and a path, as in the OpenAPI document.
#[derive(Debug)]
pub struct RouteEntry {
    pub method: &'static str,
    pub path: &'static str,
    pub rules: RouteRules,
}

/// The rules of a route.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub struct RouteRules {
    /// The statuses of the example: sent without a credential, by a user who has no part in it, and by a service.
    pub answers: [u16; 3],
    /// Whether it adds content. If so, it is answered with 507 on a full disk.
    pub adds: bool,
    /// A valid payload in the name of the user who owns the objects.
    pub example: fn(&RouteExample<'_>) -> Value,
    /// A parameter of the path other than `{name}` and `{id}`, with its value in the example.
    at: Option<(&'static str, &'static str)>,
    cost: RouteCost,
    /// Whether the handler, not the pipeline, reads the body, which may have any length.
    reads_body_itself: bool,
    /// Whether a ticket for files in the query is accepted as a credential.
    takes_ticket: bool,
    /// Whether the secret of a hook in the path is the credential.
    takes_hook: bool,
}

/// The ids and names for the example of a route.
#[derive(Debug, Clone, Copy)]
pub struct RouteExample<'a> {
    /// The group's id.
    pub group: &'a str,
    /// The owner of the group, on whose behalf a service acts.
    pub author: &'a str,
    /// The name of another member.
    pub other: &'a str,
    /// An unused name.
    pub fresh: &'a str,
}

/// The cost of a request to the calling user.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RouteCost {
    /// Nothing for a method that only reads, else an event.
    ByMethod,
    Fixed(Cost),
    OfBody(fn(&[u8]) -> Cost),
    OfQuery(fn(&str) -> Cost),
    /// The request creates a session from a password, so there is no user to charge yet.
    Session,
}

impl RouteEntry {
    /// The scope that a key needs for the route.
    pub fn scope(&self) -> Scope {
        let reads = self.method.eq_ignore_ascii_case("get") || self.method.eq_ignore_ascii_case("head");
        PathScopes::of(self.path).of_method(if reads { &Method::GET } else { &Method::POST })
    }

    /// The path of the example, for this user and this group or message.
    pub fn example_path(&self, user: &str, group: &str, message: &str) -> String {
        let id = if self.path.contains("/messages/{id}") { message } else { group };
        let path = self.path.replace("{name}", user).replace("{id}", id);
        self.rules.at.iter().fold(path, |path, (key, value)| path.replace(key, value))
    }
}

/// Rules with expected responses and an empty payload; see [`RouteRules::answers`].
const fn answers(nobody: u16, stranger: u16, service: u16) -> RouteRules {
    let answers = [nobody, stranger, service];
    RouteRules {
        answers,
        adds: false,
        example: |_| Value::Null,
        at: None,
        cost: RouteCost::ByMethod,
        reads_body_itself: false,
        takes_ticket: false,
        takes_hook: false,
    }
}

impl RouteRules {
    const fn costs(self, cost: Cost) -> Self {
        Self { cost: RouteCost::Fixed(cost), ..self }
    }

    const fn costs_by_body(self, cost: fn(&[u8]) -> Cost) -> Self {
        Self { cost: RouteCost::OfBody(cost), ..self }
    }

    const fn costs_by_query(self, cost: fn(&str) -> Cost) -> Self {
        Self { cost: RouteCost::OfQuery(cost), ..self }
    }

    const fn makes_session(self) -> Self {
        Self { cost: RouteCost::Session, ..self }
    }

    const fn reads_body_itself(self) -> Self {
        Self { reads_body_itself: true, ..self }
    }

    const fn takes_ticket(self) -> Self {
        Self { takes_ticket: true, ..self }
    }

    const fn takes_hook(self) -> Self {
        Self { takes_hook: true, ..self }
    }

    const fn adds(self) -> Self {
        Self { adds: true, ..self }
    }

    const fn example(self, example: fn(&RouteExample<'_>) -> Value) -> Self {
        Self { example, ..self }
    }

    const fn at(self, key: &'static str, value: &'static str) -> Self {
        Self { at: Some((key, value)), ..self }
    }

    /// Sets an example whose payload names only the author.
    const fn in_name_of_author(self) -> Self {
        self.example(|ids| json!({ "author": ids.author }))
    }
}

/// Generates the table of routes.
macro_rules! entries {
    (
        api { $($path:literal { $($method:ident $noun:ident::$handler:ident: $rules:expr;)+ })+ }
        service { $($rest:tt)+ }
    ) => {
        /// Every route of the API.
        pub static ROUTES: &[RouteEntry] = &[
            $($(RouteEntry { method: stringify!($method), path: $path, rules: $rules },)+)+
        ];
    };
}

routes!(entries);

/// The requirements of one path's routes for the pipeline.
#[derive(Debug)]
pub(crate) struct RouteDemands {
    rules: Vec<(&'static str, RouteRules)>,
    scopes: PathScopes,
}

impl RouteDemands {
    /// The requirements of a path in the route table.
    pub(crate) fn at(path: &str) -> Self {
        let routes = ROUTES.iter().filter(|route| route.path == path);
        let rules = routes.map(|route| (route.method, route.rules)).collect();
        Self { rules, scopes: PathScopes::of(path) }
    }

    /// The cost of a request with this method.
    pub(crate) fn cost(&self, method: &Method) -> RouteCost {
        match self.rules(method).map(|rules| rules.cost) {
            Some(RouteCost::ByMethod) | None if is_reading(method) => RouteCost::Fixed(Cost::Nothing),
            Some(RouteCost::ByMethod) | None => RouteCost::Fixed(Cost::Event),
            Some(cost) => cost,
        }
    }

    /// Whether the handler of a method reads the body itself.
    pub(crate) fn reads_body_itself(&self, method: &Method) -> bool {
        self.rules(method).is_some_and(|rules| rules.reads_body_itself)
    }

    /// Whether a ticket for files is accepted as a credential.
    pub(crate) fn takes_ticket(&self, method: &Method) -> bool {
        self.rules(method).is_some_and(|rules| rules.takes_ticket)
    }

    /// Whether the secret of a hook in the path is the only accepted credential.
    pub(crate) fn takes_hook(&self, method: &Method) -> bool {
        self.rules(method).is_some_and(|rules| rules.takes_hook)
    }

    /// Refuses a key without the scope for a method.
    pub(crate) fn require_scope(&self, method: &Method, key: Scopes) -> Result<()> {
        self.scopes.require(method, key)
    }

    /// The rules of a method. HEAD has those of GET, unless it has its own.
    fn rules(&self, method: &Method) -> Option<&RouteRules> {
        let of = |method: &Method| {
            let found = self.rules.iter().find(|(name, _)| name.eq_ignore_ascii_case(method.as_str()));
            found.map(|(_, rules)| rules)
        };
        of(method).or_else(|| if *method == Method::HEAD { of(&Method::GET) } else { None })
    }
}

/// The cost of a list of members. A search (`q`) is charged. A comparison (`like`) is free, since pages do one for each
/// author that they show.
fn members_cost(query: &str) -> Cost {
    let searches = |(key, value): (Cow<'_, str>, Cow<'_, str>)| key == "q" && !value.is_empty();
    if form_urlencoded::parse(query.as_bytes()).any(searches) { Cost::Search } else { Cost::Nothing }
}

/// Whether a method only reads.
pub(crate) fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::api::CLIENT_EVENTS;
    use crate::ws::client_event::Example;

    /// Routes and events that write but cost only an event, with the reason.
    const CHEAP: [(&str, &[&str]); 4] = [
        (
            "services, admins or makers of bots alone may send it",
            &[
                "post /api/v1/users/",
                "put /api/v1/users/{name}/",
                "put /api/v1/users/{name}/password/",
                "post /api/v1/users/{name}/tokens/",
                "post /api/v1/users/{name}/keys/",
                "delete /api/v1/users/{name}/keys/{id}/",
                "post /api/v1/users/{name}/hooks/",
                "delete /api/v1/users/{name}/hooks/{id}/",
                "patch /api/v1/reports/{id}/",
                "post /api/v1/keys/",
                "delete /api/v1/keys/{id}/",
                "post /api/v1/webhooks/",
                "patch /api/v1/webhooks/{id}/",
                "delete /api/v1/webhooks/{id}/",
                "post /api/v1/webhooks/{id}/test/",
                "post /api/v1/webhooks/{id}/replay/",
            ],
        ),
        (
            "it reaches nobody else",
            &[
                "patch /api/v1/accounts/me/",
                "delete /api/v1/sessions/",
                "post /api/v1/tickets/",
                "delete /api/v1/users/{name}/tokens/",
                "delete /api/v1/users/{name}/sessions/{id}/",
                "post /api/v1/files/",
                "post /api/v1/files/uploads/",
                "patch /api/v1/files/uploads/{id}/",
                "delete /api/v1/files/uploads/{id}/",
                "delete /api/v1/push/subscriptions/{id}/",
                "post /api/v1/relations/blocked/",
                "message.fetch",
                "sync.resume",
            ],
        ),
        (
            "it happens once to each user, message or pair, and a mark only moves on",
            &[
                "delete /api/v1/users/{name}/",
                "post /api/v1/groups/{id}/read/",
                "put /api/v1/private/",
                "delete /api/v1/messages/{id}/",
                "message.read",
                "message.delete",
            ],
        ),
        ("others are told once in 3 s", &["typing.start", "typing.stop"]),
    ];

    #[test]
    fn a_head_costs_as_much_as_the_get_that_it_runs() {
        let cost = |path: &str, method: &Method| format!("{:?}", RouteDemands::at(path).cost(method));
        for RouteEntry { path, .. } in ROUTES.iter().filter(|route| route.method == "get") {
            if !ROUTES.iter().any(|other| other.path == *path && other.method == "head") {
                assert_eq!(cost(path, &Method::HEAD), cost(path, &Method::GET), "{path}");
            }
        }
    }

    #[test]
    fn requests_that_reach_others_cost_more_than_an_event() {
        let ids = RouteExample { group: "g", author: "ann", other: "bob", fresh: "cay" };
        let costs_event = |route: &&RouteEntry| {
            let method = route.method.to_uppercase().parse().expect("a method");
            match RouteDemands::at(route.path).cost(&method) {
                RouteCost::Fixed(cost) => cost == Cost::Event,
                RouteCost::OfBody(cost) => {
                    cost((route.rules.example)(&ids).to_string().as_bytes()) == Cost::Event
                }
                RouteCost::ByMethod | RouteCost::OfQuery(_) | RouteCost::Session => false,
            }
        };
        let routes =
            ROUTES.iter().filter(costs_event).map(|route| format!("{} {}", route.method, route.path));
        let ids = Example { group: "g".into(), message: "m".into(), user: "bob".into() };
        let events = CLIENT_EVENTS.iter().filter(|event| {
            let data = to_raw_value(&(event.example)(&ids)).expect("JSON");
            (event.cost)(Some(&data)) == Cost::Event
        });
        let mut found: Vec<_> = routes.chain(events.map(|event| event.name.to_owned())).collect();
        let mut cheap: Vec<_> = CHEAP.iter().flat_map(|(_, names)| *names).copied().collect();
        found.sort();
        cheap.sort_unstable();
        assert_eq!(found, cheap);
    }
}
