//! HTTP and HTML.
//!
//! [`configure`] is the one list of routes. Before a handler does anything it
//! asks [`origin`] where the request comes from and [`guard`] who sends it;
//! what it may say is in [`api_error`] and [`views`].

mod api_error;
mod body;
mod files;
mod guard;
mod headers;
mod health;
mod mapping_api;
mod mapping_fields;
mod mapping_pages;
mod origin;
mod outage;
mod page;
mod portal;
mod request_id;
mod sign_in;
mod sign_out;
mod site;
mod token;
pub mod views;
mod wish;

use actix_web::{HttpResponse, Resource, web};

use api_error::ApiError;
use page::Visitor;
use views::Problem;

pub use guard::AdminGroups;
pub use headers::add as add_headers;
pub use request_id::number as number_requests;
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
        below = below.service(page("").route(web::get().to(portal::from_bare_base)));
    }
    service.service(below);
    if !base.is_empty() {
        service.configure(health);
    }
    service.default_service(web::to(nothing_here));
}

fn pages(service: &mut web::ServiceConfig) {
    service
        .service(page("/").route(web::get().to(portal::show)))
        .service(page("/portal/token").route(web::post().to(portal::get_token)))
        .service(page("/auth/login").route(web::get().to(sign_in::login)))
        .service(page("/auth/callback").route(web::get().to(sign_in::callback)))
        .service(page("/auth/logout").route(web::post().to(sign_out::logout)))
        .service(page("/auth/signed-out").route(web::get().to(sign_out::signed_out)))
        .service(
            page("/admin/mappings")
                .route(web::get().to(mapping_pages::list))
                .route(web::post().to(mapping_pages::create)),
        )
        .service(page("/admin/mappings/new").route(web::get().to(mapping_pages::new)))
        .service(
            page("/admin/mappings/{id}")
                .route(web::get().to(mapping_pages::edit))
                .route(web::post().to(mapping_pages::save)),
        )
        .service(page("/admin/mappings/{id}/switch").route(web::post().to(mapping_pages::switch)))
        .service(
            page("/admin/mappings/{id}/delete")
                .route(web::get().to(mapping_pages::confirm_delete))
                .route(web::post().to(mapping_pages::delete)),
        )
        .service(page("/assets/{name}").route(web::get().to(files::file)));
}

fn api(service: &mut web::ServiceConfig) {
    service
        .service(
            endpoint("/api/session")
                .route(web::get().to(token::session))
                .route(options().to(token::preflight_session)),
        )
        .service(
            endpoint("/api/token")
                .route(web::post().to(token::token))
                .route(options().to(token::preflight_token)),
        )
        .service(
            endpoint("/api/admin/mappings")
                .route(web::get().to(mapping_api::list))
                .route(web::post().to(mapping_api::create)),
        )
        .service(
            endpoint("/api/admin/mappings/{id}")
                .route(web::get().to(mapping_api::get))
                .route(web::put().to(mapping_api::replace))
                .route(web::delete().to(mapping_api::delete)),
        )
        .service(endpoint("/api/{rest:.*}").default_service(web::to(no_endpoint)));
}

fn health(service: &mut web::ServiceConfig) {
    service
        .service(endpoint("/livez").route(web::get().to(health::livez)))
        .service(endpoint("/readyz").route(web::get().to(health::readyz)));
}

fn page(path: &str) -> Resource {
    web::resource(path).default_service(web::to(wrong_method_for_page))
}

fn endpoint(path: &str) -> Resource {
    web::resource(path).default_service(web::to(wrong_method))
}

fn options() -> actix_web::Route {
    web::method(actix_web::http::Method::OPTIONS)
}

async fn nothing_here(visitor: Visitor) -> HttpResponse {
    visitor.problem(Problem::NotFound)
}

async fn no_endpoint() -> HttpResponse {
    ApiError::NotFound.response()
}

async fn wrong_method_for_page(visitor: Visitor) -> HttpResponse {
    visitor.problem(Problem::MethodNotAllowed)
}

async fn wrong_method() -> HttpResponse {
    ApiError::MethodNotAllowed.response()
}
