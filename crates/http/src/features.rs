//! Optional features of a server. GET `server/`, its schema and the table in `docs/protocol.md` are generated from
//! this table.

use chinwag_core::limits::Directory;
use chinwag_core::name::NameCase;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};

use crate::state::ServerState;

/// An optional feature.
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    /// When a server has the feature, as the end of a sentence.
    pub(crate) condition: &'static str,
    /// Whether the server has the feature. The second argument is whether the event feed is on.
    is_there: fn(&ServerState, bool) -> bool,
}

/// All features, by name.
pub(crate) const FEATURES: &[Feature] = &[
    Feature::new(
        "avatar_urls",
        "users may set an address elsewhere as their avatar (`users.avatar_urls`)",
        |state, _| state.app.user_rules().avatar_urls && !state.app.user_rules().profile_by_service,
    ),
    Feature::always("changes", "`sync.resume` takes `all` and `since`"),
    Feature::new(
        "consent",
        "users accept groups to which strangers add them (`groups.consent`)",
        |state, _| state.app.limits().consent,
    ),
    Feature::new("directory", "everybody finds everybody (`users.directory`)", |state, _| {
        state.app.user_rules().directory == Directory::All
    }),
    Feature::new("events", "the feed of events is on", |_, feed_is_on| feed_is_on),
    Feature::new(
        "exact_names",
        "ASCII names that differ by case are different users (`users.case`)",
        |state, _| state.app.name_case() == NameCase::Exact,
    ),
    Feature::new("files", "messages may carry files (`files.store`)", |state, _| state.files().is_ok()),
    Feature::new("oidc", "people may sign in through a provider (`auth.oidc`)", |state, _| {
        state.auth.provider_name().is_some()
    }),
    Feature::always("people", "events have the profiles of authors, as `people`"),
    Feature::new("profile", "users set their own display names and avatars (`users.profile`)", |state, _| {
        !state.app.user_rules().profile_by_service
    }),
    Feature::new(
        "push",
        "browsers and phones may subscribe to notifications (`push.enabled`)",
        |state, _| state.app.limits().push.enabled,
    ),
    Feature::always("recent", "GET `groups/` takes `order=recent`"),
    Feature::new("rename", "users who signed up here may rename themselves (`users.rename`)", |state, _| {
        state.app.user_rules().rename_self
    }),
    Feature::new("search", "the server keeps an index of messages (`search.enabled`)", |state, _| {
        state.options.search
    }),
    Feature::always("windows", "`/chat/` takes `groups` and `messages`"),
];

impl Feature {
    const fn new(
        name: &'static str,
        condition: &'static str,
        is_there: fn(&ServerState, bool) -> bool,
    ) -> Self {
        Self { name, condition, is_there }
    }

    /// A feature that every server of this version has, but earlier versions lack.
    const fn always(name: &'static str, condition: &'static str) -> Self {
        Self::new(name, condition, |_, _| true)
    }
}

/// The names of the features that a server has.
pub(crate) fn names(state: &ServerState, feed_is_on: bool) -> Vec<&'static str> {
    let there = FEATURES.iter().filter(|feature| (feature.is_there)(state, feed_is_on));
    there.map(|feature| feature.name).collect()
}

/// The schema of the list of features. Newer versions may add names.
pub(crate) fn schema() -> Array {
    let meanings: Vec<_> =
        FEATURES.iter().map(|Feature { name, condition, .. }| format!("`{name}`, if {condition}")).collect();
    ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)))
        .description(Some(format!("Its features by name: {}.", meanings.join("; "))))
        .build()
}
