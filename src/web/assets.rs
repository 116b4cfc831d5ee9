//! `/assets/{name}`: static files of the pages. `/client/red5-bridge.js`: the module for the pages of apps.

use actix_web::http::header::{self, ETag, EntityTag, IfNoneMatch};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use super::error::{Answer, Refusal};
use super::form::Form;
use super::views::assets::{CLIENT_MODULE, find};
use super::views::problem::NOT_FOUND;

/// GET `/assets/{name}?v=`: cached without expiry, because the version is part of the URL.
pub async fn file(request: HttpRequest, name: web::Path<String>) -> Answer {
    let asset = find(&name).ok_or_else(|| Refusal::new(NOT_FOUND))?;
    let asked = Form::of_query(&request).unwrap_or_default().text("v");
    let keep = if asked == asset.version {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, keep))
        .body(asset.content))
}

/// GET `/client/red5-bridge.js`: pages of every origin may load it, because it is public and reads no cookie (CS-8). Its
/// address never changes, so browsers ask each time whether they have the newest.
pub async fn client_module(request: HttpRequest) -> HttpResponse {
    let module = &*CLIENT_MODULE;
    let tag = EntityTag::new_strong(module.version.clone());
    let is_held = match request.get_header() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|held| held.weak_eq(&tag)),
        None => false,
    };
    let mut response = if is_held {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(ETag(tag))
        .insert_header((header::CACHE_CONTROL, "public, no-cache"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"));
    if is_held {
        response.finish()
    } else {
        response
            .content_type(module.content_type)
            .body(module.content)
    }
}
