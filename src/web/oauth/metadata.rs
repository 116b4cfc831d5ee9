//! `/.well-known/oauth-authorization-server` (RFC 8414): what is true of this instance.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::token::{DEVICE_CODE, TOKEN_EXCHANGE};
use crate::web::site::Site;

/// GET `/.well-known/oauth-authorization-server`
pub async fn show(site: web::Data<Site>) -> HttpResponse {
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    HttpResponse::Ok().json(json!({
        "issuer": site.issuer(),
        "authorization_endpoint": site.to("/oauth2/authorize"),
        "token_endpoint": site.to("/oauth2/token"),
        "device_authorization_endpoint": site.to("/oauth2/device_authorization"),
        "revocation_endpoint": site.to("/oauth2/revoke"),
        "service_documentation": site.to("/docs"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "scopes_supported": ["red5-publisher", "red5-subscriber", "room:*", "transport:*",
                             "transport:RTMP", "transport:RTSP", "transport:WHEP", "transport:WHIP"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// The values of `grant_type` that `/oauth2/token` takes.
const GRANT_TYPES: [&str; 4] = [
    "authorization_code",
    "refresh_token",
    DEVICE_CODE,
    TOKEN_EXCHANGE,
];
