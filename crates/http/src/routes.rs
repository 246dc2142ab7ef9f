//! The routes of the API, one line each. The router and the OpenAPI document are made from this table.

/// Expands a macro with every route: those of the API, which wait for a permit, and those about the server
/// itself, which are answered however busy it is.
macro_rules! routes {
    ($expand:ident) => {
        $expand! {
            api {
                "/api/v1/server/" => get(server::get);
                "/api/v1/accounts/" => post(account::create);
                "/api/v1/sessions/" => post(session::create).get(session::get).delete(session::delete);
                "/api/v1/tickets/" => post(ticket::create);
                "/api/v1/users/" => post(user::create).get(user::list);
                "/api/v1/users/{name}/" =>
                    get(user::get).put(user::put).patch(user::update).delete(user::delete);
                "/api/v1/users/{name}/tokens/" => post(token::create).delete(token::delete);
                "/api/v1/groups/" => post(group::create).get(group::list);
                "/api/v1/groups/{id}/" => get(group::get).patch(group::update).delete(group::delete);
                "/api/v1/groups/{id}/messages/" => get(message::history);
                "/api/v1/groups/{id}/read/" => post(group::read);
                "/api/v1/groups/{id}/quit/" => post(group::quit);
                "/api/v1/groups/{id}/accept/" => post(group::accept);
                "/api/v1/private/" => put(private::open);
                "/api/v1/messages/" => post(message::create).get(message::list);
                "/api/v1/messages/{id}/" =>
                    get(message::get).patch(message::update).delete(message::delete);
                "/api/v1/relations/blocked/" => post(relation::blocked);
            }
            service {
                "/healthz" => get(health::healthz);
                "/readyz" => get(health::readyz);
                "/metrics" => get(health::metrics);
                "/api/v1/openapi.json" => get(openapi::document);
                "/api/v1/asyncapi.json" => get(asyncapi::document);
            }
        }
    };
}

pub(crate) use routes;
