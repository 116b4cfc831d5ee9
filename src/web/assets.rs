//! `/assets/{name}`: the files of the pages.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::error::ApiError;
use super::form::Form;
use super::views::assets;

/// GET `/assets/{name}?v=`: kept for ever under the version it was asked by.
pub async fn file(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    let Some(asset) = assets::find(&name) else {
        return ApiError::NotFound.response();
    };
    let asked = Form::of_query(&request).unwrap_or_default().text("v");
    let keep = if asked == asset.version {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, keep))
        .body(asset.content)
}
