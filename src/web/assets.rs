//! `/assets/{name}`: static files of the pages.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::error::{Answer, Refusal};
use super::form::Form;
use super::views::assets::find;
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
