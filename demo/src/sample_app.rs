//! The sample app of `docs/sample-app`, on an origin of its own beside the demo's bridge.

use std::io;
use std::net::TcpListener;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, http::header};

use super::server::Server;

/// The bridge's address in the source, in place of which that of the demo's bridge is served.
const EXAMPLE: &str = "https://bridge.example.com";

/// Path, type and content of each file.
const FILES: [(&str, &str, &str); 4] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../../docs/sample-app/index.html"),
    ),
    (
        "/bridge-client.js",
        "text/javascript; charset=utf-8",
        include_str!("../../docs/sample-app/bridge-client.js"),
    ),
    (
        "/page.js",
        "text/javascript; charset=utf-8",
        include_str!("../../docs/sample-app/page.js"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("../../docs/sample-app/style.css"),
    ),
];

/// Serves the app for the bridge at `bridge_url`.
pub(super) fn start(listener: TcpListener, bridge_url: &str) -> io::Result<Server> {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src {bridge_url}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let files =
        FILES.map(|(path, kind, content)| (path, kind, content.replace(EXAMPLE, bridge_url)));
    Server::start(listener, |_origin| {
        Ok(move |routes: &mut ServiceConfig| {
            for (path, kind, content) in files.clone() {
                let policy = policy.clone();
                let file = move || {
                    let answer = HttpResponse::Ok()
                        .content_type(kind)
                        .insert_header((header::CONTENT_SECURITY_POLICY, policy.clone()))
                        .insert_header((header::CACHE_CONTROL, "no-store"))
                        .body(content.clone());
                    async { answer }
                };
                routes.route(path, web::get().to(file));
            }
        })
    })
}
