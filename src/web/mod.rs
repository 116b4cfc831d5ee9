//! HTTP and HTML.
//!
//! [`configure`] is the one list of routes. Before a handler does anything it
//! asks [`csrf`] where the request comes from and [`extract`] who sends it;
//! what it may say is in [`error`] and [`views`].

pub(crate) mod admin;
mod answer;
mod api_docs;
mod assets;
mod back_channel;
mod body;
mod client_ip;
mod connections;
mod count;
mod csrf;
mod error;
mod extract;
mod form;
#[cfg(any(test, feature = "fuzz"))]
#[path = "../../fuzz/helpers/web.rs"]
pub(crate) mod fuzzing;
mod health;
mod lines;
mod metrics;
mod outage;
mod own_sessions;
mod page;
mod panics;
mod portal;
mod rate_limit;
mod refusal;
mod request_id;
mod routes;
mod security_headers;
mod sign_in;
mod sign_out;
mod site;
mod token;
mod user_agent;
pub mod views;
mod wish;

use actix_web::http::Method;
use actix_web::{HttpResponse, web};

use admin::{mapping_api, mapping_pages, people_api, people_pages};
use error::ApiError;
use page::Visitor;
use routes::Address;
use views::Problem;

pub use crate::flow::admin::AdminGroups;
pub use client_ip::TrustedProxies;
pub use connections::{Connections, most_connections, note as note_requests};
pub use health::{FailingTasks, Stopping};
pub use metrics::{Gauges, configure_ops};
pub use panics::catch as catch_panics;
pub use rate_limit::{RateLimits, count as count_requests};
pub use request_id::number as number_requests;
pub use security_headers::add as add_headers;
pub use site::Site;
pub use token::Red5Server;

/// All routes, below the base path; health at the root too.
pub fn configure(service: &mut web::ServiceConfig, base: &str) {
    let mut below = web::scope(base)
        .configure(pages)
        .configure(api)
        .configure(health)
        .default_service(web::to(nothing_here));
    if !base.is_empty() {
        // The public URL as people type it, without a slash at its end.
        below = below.service(Address::new("").get(portal::from_bare_base));
    }
    service.service(below);
    if !base.is_empty() {
        service.configure(health);
    }
    service.default_service(web::to(nothing_here));
}

fn pages(service: &mut web::ServiceConfig) {
    service
        .service(Address::new("/").get(portal::show))
        .service(Address::form(
            "/portal/token",
            "/?done=shown-once",
            portal::get_token,
        ))
        .service(Address::new("/auth/login").get_only(sign_in::login))
        .service(Address::new("/auth/callback").get_only(sign_in::callback))
        .service(Address::new("/auth/logout").on(Method::POST, sign_out::logout))
        .service(Address::new("/auth/signed-out").get_only(sign_out::signed_out))
        .service(Address::new("/auth/somebody-else").get_only(sign_out::somebody_else))
        .service(
            Address::new("/admin/mappings")
                .get(mapping_pages::list)
                .on(Method::POST, mapping_pages::create),
        )
        .service(Address::new("/admin/mappings/new").get(mapping_pages::new))
        .service(
            Address::new("/admin/mappings/{id}")
                .get(mapping_pages::edit)
                .on(Method::POST, mapping_pages::save),
        )
        .service(
            Address::new("/admin/mappings/{id}/switch")
                .get(mapping_pages::not_switched)
                .on(Method::POST, mapping_pages::switch),
        )
        .service(
            Address::new("/admin/mappings/{id}/delete")
                .get(mapping_pages::confirm_delete)
                .on(Method::POST, mapping_pages::delete),
        )
        .service(Address::new("/admin/sessions").get(people_pages::sessions))
        .service(Address::admin_form(
            "/admin/sessions/end",
            "/admin/sessions?done=nothing",
            people_pages::end_person,
        ))
        .service(Address::new("/admin/sessions/{id}").get(people_pages::session))
        .service(Address::admin_form(
            "/admin/sessions/{id}/end",
            "/admin/sessions?done=nothing",
            people_pages::end_session,
        ))
        .service(
            Address::new("/admin/blocks")
                .get(people_pages::blocks)
                .on(Method::POST, people_pages::block),
        )
        .service(Address::new("/admin/blocks/new").get(people_pages::new_block))
        .service(
            Address::new("/admin/blocks/lift")
                .get(people_pages::confirm_lift)
                .on(Method::POST, people_pages::lift),
        )
        .service(Address::new("/sessions").get(own_sessions::show))
        .service(Address::form(
            "/sessions/end",
            "/sessions?done=nothing",
            own_sessions::end_all,
        ))
        .service(Address::form(
            "/sessions/{id}/end",
            "/sessions?done=nothing",
            own_sessions::end,
        ))
        .service(Address::new("/docs").get(api_docs::docs))
        .service(Address::new("/assets/{name}").get(assets::file));
}

fn api(service: &mut web::ServiceConfig) {
    service
        .service(
            Address::new("/api/session")
                .get(token::session)
                .on(Method::OPTIONS, token::preflight_session),
        )
        .service(
            Address::new("/api/token")
                .on(Method::POST, token::token)
                .on(Method::OPTIONS, token::preflight_post),
        )
        .service(
            Address::new("/api/logout")
                .on(Method::POST, token::logout)
                .on(Method::OPTIONS, token::preflight_post),
        )
        .service(Address::new("/auth/backchannel-logout").on(Method::POST, back_channel::logout))
        .service(
            Address::new("/api/admin/mappings")
                .get(mapping_api::list)
                .on(Method::POST, mapping_api::create),
        )
        .service(
            Address::new("/api/admin/mappings/{id}")
                .get(mapping_api::get)
                .on(Method::PUT, mapping_api::replace)
                .on(Method::DELETE, mapping_api::delete),
        )
        .service(
            Address::new("/api/admin/sessions")
                .get(people_api::list_sessions)
                .on(Method::DELETE, people_api::end_person),
        )
        .service(
            Address::new("/api/admin/sessions/{id}").on(Method::DELETE, people_api::end_session),
        )
        .service(
            Address::new("/api/admin/blocks")
                .get(people_api::list_blocks)
                .on(Method::POST, people_api::block)
                .on(Method::DELETE, people_api::unblock),
        )
        .service(Address::new("/openapi.json").get(api_docs::document))
        .service(web::resource("/api/{rest:.*}").default_service(web::to(no_endpoint)));
}

/// On both listeners.
fn health(service: &mut web::ServiceConfig) {
    service
        .service(Address::new("/livez").get(health::livez))
        .service(Address::new("/readyz").get(health::readyz));
}

async fn nothing_here(visitor: Visitor) -> HttpResponse {
    visitor.problem(Problem::NotFound)
}

async fn no_endpoint() -> HttpResponse {
    ApiError::NotFound.response()
}
