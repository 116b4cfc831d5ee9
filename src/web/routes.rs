//! The table of routes: path, audience, limits and the handler of each method.
//!
//! What is true of every request (its limit, its headers, how a refusal looks) is done by layers
//! over everything, which read it here. A path that is not in the table has [`UNKNOWN`].

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{self, to};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, Resource};

use super::admin::files::FILE_MAX;
use super::admin::{
    blocks, changes, client_pages, clients, explain, files, history, mapping_selection,
    mapping_tests, mappings, people, restore, sessions, test_pages, who_can,
};
use super::error::{Answer, Refusal};
use super::extract::{Session, Visitor};
use super::oauth::{apps, authorize, device, metadata, token as oauth_token};
use super::route::{Audience, Handler, Route, Rule, UNKNOWN};
use super::site::Site;
use super::views::problem::{METHOD_NOT_ALLOWED, NOT_FOUND};
use super::{
    api_docs, assets, auth, cors, health, metrics, own_sessions, portal, round_trip, token,
};
use crate::flow::admin::Admin;

/// Largest body that an app or a Red5 server may send, in bytes.
const APP_BODY_MAX: usize = 64 * 1024;

/// Longest form with a mapping file, in bytes: the file, and what is around it.
const FILE_FORM_MAX: usize = FILE_MAX + 64 * 1024;

/// Longest change set in bytes.
const CHANGE_SET_MAX: usize = 4 * 1024 * 1024;

const fn page(path: &'static str) -> Route {
    Route::new(path, Audience::People)
}

const fn api(path: &'static str) -> Route {
    Route::new(path, Audience::Programs)
}

const fn app(path: &'static str) -> Route {
    Route::new(path, Audience::Apps)
        .body_max(APP_BODY_MAX)
        .options(|| to(cors::preflight))
}

/// Endpoints of OAuth clients: pages of other origins may read them.
const fn oauth(path: &'static str) -> Route {
    Route::new(path, Audience::Clients)
        .body_max(APP_BODY_MAX)
        .options(|| to(cors::preflight))
}

/// A question of a Red5 server. It is not counted: a server asks for each of its clients.
const fn red5(path: &'static str, handler: Handler) -> Route {
    Route::new(path, Audience::Programs)
        .post(handler)
        .body_max(APP_BODY_MAX)
        .uncounted()
}

const fn form(path: &'static str, page: &'static str, handler: Handler) -> Route {
    Route::new(path, Audience::People).form(page, || to(lead_to_form::<Visitor<Session>>), handler)
}

/// The same of an administrator's page: a GET demands the right, as the page does.
const fn admin_form(path: &'static str, page: &'static str, handler: Handler) -> Route {
    Route::new(path, Audience::People).form(page, || to(lead_to_form::<Admin>), handler)
}

static ROUTES: &[Route] = &[
    page("/").get(|| to(portal::show)),
    form("/portal/token", "/?done=shown-once", || {
        to(portal::get_token)
    })
    .counted_by_sender(Rule::Token),
    page("/auth/login")
        .step(|| to(auth::login))
        .counted(Rule::Login),
    page("/auth/callback")
        .step(|| to(auth::callback))
        .counted(Rule::Callback),
    page("/auth/logout")
        .post(|| to(auth::logout))
        .counted(Rule::Logout),
    page("/auth/signed-out").step(|| to(auth::signed_out)),
    page("/auth/somebody-else").step(|| to(auth::somebody_else)),
    Route::new("/auth/backchannel-logout", Audience::Provider)
        .post(|| to(auth::backchannel_logout))
        .counted(Rule::BackChannel),
    page("/admin/mappings")
        .get(|| to(mappings::list_page))
        .post(|| to(mappings::add))
        .counted_by_sender(Rule::Change),
    page("/admin/mappings/new").get(|| to(mappings::new_page)),
    page("/admin/mappings/selected")
        .get(|| to(mapping_selection::ask_page))
        .post(|| to(mapping_selection::change))
        .counted_by_sender(Rule::Change),
    page("/admin/mappings/restore")
        .get(|| to(restore::page))
        .post(|| to(restore::restore))
        .counted_by_sender(Rule::Change),
    page("/admin/mappings/{id}")
        .get(|| to(mappings::edit_page))
        .post(|| to(mappings::save))
        .counted_by_sender(Rule::Change),
    page("/admin/mappings/{id}/switch")
        .get(|| to(mappings::not_switched))
        .post(|| to(mappings::switch))
        .counted_by_sender(Rule::Change),
    page("/admin/mappings/{id}/delete")
        .get(|| to(mappings::delete_page))
        .post(|| to(mappings::delete_confirmed))
        .counted_by_sender(Rule::Change),
    page("/admin/sessions").get(|| to(sessions::list_page)),
    admin_form(
        "/admin/sessions/end",
        "/admin/sessions?done=nothing",
        || to(sessions::end_person_form),
    )
    .counted_by_sender(Rule::Change),
    page("/admin/sessions/{id}").get(|| to(sessions::stop_page)),
    admin_form(
        "/admin/sessions/{id}/end",
        "/admin/sessions?done=nothing",
        || to(sessions::end_form),
    )
    .counted_by_sender(Rule::Change),
    page("/admin/blocks")
        .get(|| to(blocks::list_page))
        .post(|| to(blocks::create_form))
        .counted_by_sender(Rule::Change),
    page("/admin/blocks/new").get(|| to(blocks::new_page)),
    page("/admin/blocks/lift")
        .get(|| to(blocks::lift_page))
        .post(|| to(blocks::lift_form))
        .counted_by_sender(Rule::Change),
    page("/admin/explain").get(|| to(explain::page)),
    page("/admin/people").get(|| to(people::list_page)),
    page("/admin/people/{id}").get(|| to(people::person_page)),
    page("/admin/who-can").get(|| to(who_can::ask_page)),
    page("/admin/history").get(|| to(history::page)),
    page("/admin/tests")
        .get(|| to(test_pages::list_page))
        .post(|| to(test_pages::add))
        .counted_by_sender(Rule::Change),
    page("/admin/tests/new").get(|| to(test_pages::new_page)),
    page("/admin/tests/{id}")
        .get(|| to(test_pages::edit_page))
        .post(|| to(test_pages::save))
        .counted_by_sender(Rule::Change),
    page("/admin/tests/{id}/delete")
        .get(|| to(test_pages::delete_page))
        .post(|| to(test_pages::delete_confirmed))
        .counted_by_sender(Rule::Change),
    page("/admin/files")
        .get(|| to(files::page))
        .post(|| to(files::plan))
        .takes_files()
        .body_max(FILE_FORM_MAX)
        .counted_by_sender(Rule::Change),
    admin_form("/admin/files/apply", "/admin/files", || to(files::apply))
        .takes_files()
        .body_max(FILE_FORM_MAX)
        .counted_by_sender(Rule::Change),
    page("/admin/files/mappings.json").get(|| to(files::json)),
    page("/admin/files/mappings.csv").get(|| to(files::csv)),
    page("/admin/clients")
        .get(|| to(client_pages::list_page))
        .post(|| to(client_pages::add))
        .counted_by_sender(Rule::Change),
    page("/admin/clients/new").get(|| to(client_pages::new_page)),
    page("/admin/clients/{id}/edit")
        .get(|| to(client_pages::edit_page))
        .post(|| to(client_pages::save))
        .counted_by_sender(Rule::Change),
    page("/admin/clients/{id}/delete")
        .get(|| to(client_pages::delete_page))
        .post(|| to(client_pages::delete_confirmed))
        .counted_by_sender(Rule::Change),
    page("/admin/clients/{id}/secrets")
        .get(|| to(client_pages::secrets_page))
        .post(|| to(client_pages::change_secrets))
        .counted_by_sender(Rule::Change),
    page("/oauth2/authorize")
        .step(|| to(authorize::authorize))
        .counted(Rule::Authorize),
    form("/oauth2/consent", "/", || to(authorize::consent)).counted(Rule::Authorize),
    oauth("/oauth2/token").post(|| to(oauth_token::token)),
    oauth("/oauth2/revoke").post(|| to(oauth_token::revoke)),
    oauth("/oauth2/device_authorization").post(|| to(device::begin)),
    oauth("/.well-known/oauth-authorization-server").get(|| to(metadata::show)),
    page("/device")
        .get(|| to(device::ask))
        .post(|| to(device::confirm))
        .counted(Rule::Login),
    form("/device/decide", "/device", || to(device::decide)).counted(Rule::Login),
    page("/apps").get(|| to(apps::show)),
    form("/apps/{client}/end", "/apps?done=nothing", || to(apps::end)).counted(Rule::Logout),
    page("/sessions").get(|| to(own_sessions::show)),
    form("/sessions/end", "/sessions?done=nothing", || {
        to(own_sessions::end_all)
    })
    .counted(Rule::Logout),
    form("/sessions/{id}/end", "/sessions?done=nothing", || {
        to(own_sessions::end)
    })
    .counted(Rule::Logout),
    page("/docs").get(|| to(api_docs::docs)),
    page("/docs/errors").get(|| to(api_docs::errors)),
    api("/assets/{name}").get(|| to(assets::file)).uncounted(),
    api("/client/red5-bridge.js")
        .get(|| to(assets::client_module))
        .uncounted(),
    app("/api/session").get(|| to(token::session)),
    app("/api/token")
        .post(|| to(token::token))
        .counted_by_sender(Rule::Token),
    app("/api/logout")
        .post(|| to(token::logout))
        .counted(Rule::Logout),
    api("/api/admin/mappings")
        .get(|| to(mappings::list))
        .post(|| to(mappings::create))
        .counted_by_sender(Rule::Change),
    api("/api/admin/mappings/changes")
        .post(|| to(changes::change))
        .body_max(CHANGE_SET_MAX)
        .counted_by_sender(Rule::Change),
    api("/api/admin/mappings/restore")
        .post(|| to(changes::restore))
        .counted_by_sender(Rule::Change),
    api("/api/admin/mappings/{id}/restore")
        .post(|| to(changes::restore_one))
        .counted_by_sender(Rule::Change),
    api("/api/admin/tests")
        .get(|| to(mapping_tests::list))
        .post(|| to(mapping_tests::create))
        .counted_by_sender(Rule::Change),
    api("/api/admin/tests/{id}")
        .get(|| to(mapping_tests::get))
        .put(|| to(mapping_tests::replace))
        .delete(|| to(mapping_tests::delete))
        .counted_by_sender(Rule::Change),
    api("/api/admin/mappings/{id}")
        .get(|| to(mappings::get))
        .put(|| to(mappings::replace))
        .delete(|| to(mappings::delete))
        .counted_by_sender(Rule::Change),
    api("/api/admin/sessions")
        .get(|| to(sessions::list))
        .delete(|| to(sessions::end_person))
        .counted_by_sender(Rule::Change),
    api("/api/admin/sessions/{id}")
        .delete(|| to(sessions::end))
        .counted_by_sender(Rule::Change),
    api("/api/admin/blocks")
        .get(|| to(blocks::list))
        .post(|| to(blocks::create))
        .delete(|| to(blocks::lift))
        .counted_by_sender(Rule::Change),
    api("/api/admin/clients")
        .get(|| to(clients::list))
        .post(|| to(clients::create))
        .counted_by_sender(Rule::Change),
    api("/api/admin/clients/{id}")
        .get(|| to(clients::get))
        .put(|| to(clients::replace))
        .delete(|| to(clients::delete))
        .counted_by_sender(Rule::Change),
    api("/api/admin/clients/{id}/secrets")
        .get(|| to(clients::secrets))
        .post(|| to(clients::add_secret))
        .counted_by_sender(Rule::Change),
    api("/api/admin/clients/{id}/secrets/{secret}")
        .delete(|| to(clients::end_secret))
        .counted_by_sender(Rule::Change),
    api("/api/admin/explain").post(|| to(explain::ask)),
    api("/api/admin/people").get(|| to(people::list)),
    api("/api/admin/people/{id}").get(|| to(people::get)),
    api("/api/admin/groups").get(|| to(people::groups)),
    api("/api/admin/who-can").get(|| to(who_can::ask)),
    api("/api/admin/audit").get(|| to(history::list)),
    red5("/red5/validateCredentials", || to(round_trip::validate)),
    red5("/red5/invalidateCredentials", || to(round_trip::invalidate)),
    api("/openapi.json").get(|| to(api_docs::document)),
    api("/api/{rest:.*}"),
];

/// RFC 8414 §3.1 puts the path of an issuer behind the well-known part.
static METADATA_AT_ROOT: Route =
    oauth("/.well-known/oauth-authorization-server").get(|| to(metadata::show));

/// On both listeners, and at the root too where there is a base path.
static HEALTH: [Route; 2] = [
    api("/livez").get(|| to(health::livez)).uncounted(),
    api("/readyz").get(|| to(health::readyz)).uncounted(),
];

/// The second listener alone.
static OPS: [Route; 2] = [api("/metrics").get(|| to(metrics::show)), api("/{rest:.*}")];

/// The listener for Red5 alone. Red5 Cloud appends `/validateCredentials` to an address that may end
/// with a slash.
static RED5: [Route; 5] = [
    red5("/validateCredentials", || to(round_trip::validate)),
    red5("/invalidateCredentials", || to(round_trip::invalidate)),
    red5("//validateCredentials", || to(round_trip::validate)),
    red5("//invalidateCredentials", || to(round_trip::invalidate)),
    api("/{rest:.*}"),
];

/// The bare base path, as people type the public URL.
static BARE_BASE: Route = page("").get(|| to(portal::from_bare_base));

/// The labels of all routes that are counted.
pub fn labels() -> impl Iterator<Item = &'static str> {
    let routes = ROUTES.iter().chain(&HEALTH).chain(&RED5).chain([&UNKNOWN]);
    routes.map(Route::label)
}

/// Registers all routes below the base path; health at the root too.
pub fn configure(service: &mut web::ServiceConfig, base: &str) {
    let mut below = web::scope(base);
    for route in ROUTES.iter().chain(&HEALTH) {
        below = below.service(resource(route));
    }
    below = below.default_service(to(page_not_found));
    if !base.is_empty() {
        below = below.service(resource(&BARE_BASE));
    }
    service.service(below);
    if !base.is_empty() {
        for route in &HEALTH {
            service.service(resource(route));
        }
        service.service(resource_at(
            &METADATA_AT_ROOT,
            format!("{}{base}", METADATA_AT_ROOT.path),
        ));
    }
    service.default_service(to(page_not_found));
}

/// Registers the routes of the second listener (`BRIDGE_OPS_LISTEN`).
pub fn configure_ops(service: &mut web::ServiceConfig) {
    for route in HEALTH.iter().chain(&OPS) {
        service.service(resource(route));
    }
}

/// Registers the routes of the listener for Red5 servers (`BRIDGE_RED5_LISTEN`).
pub fn configure_red5(service: &mut web::ServiceConfig) {
    for route in &RED5 {
        service.service(resource(route));
    }
}

/// The resource of a route: its methods, and what it answers to any other.
fn resource(route: &'static Route) -> Resource {
    resource_at(route, route.path.to_owned())
}

fn resource_at(route: &'static Route, path: String) -> Resource {
    let resource = web::resource(path);
    let handlers = route.handlers();
    let resource = handlers.fold(resource, |resource, (method, handler)| {
        resource.route(handler().method(method))
    });
    resource.default_service(match route.audience {
        Audience::People => to(page_of_another_method),
        _ => to(another_method),
    })
}

/// The layer that notes the route of a request for the layers within.
pub async fn note(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let route = find(&request);
    request.extensions_mut().insert(route);
    next.call(request).await
}

/// The route that the router is going to take. The path is compared as the router compares it,
/// after percent-decoding: `/auth/%6Cogin` is a sign-in.
fn find(request: &ServiceRequest) -> &'static Route {
    let path = request.match_info().unprocessed();
    let Some(pattern) = request.resource_map().match_pattern(path) else {
        return &UNKNOWN;
    };
    let base = request
        .app_data::<web::Data<Site>>()
        .map_or("", |site| site.base());
    let pattern = below(&pattern, base).unwrap_or(&pattern);
    let all = ROUTES.iter().chain(&HEALTH).chain(&OPS);
    let mut all = all.chain(&RED5).chain([&BARE_BASE]);
    let found = all.find(|route| route.path == pattern);
    let at_root = || {
        pattern
            .starts_with(METADATA_AT_ROOT.path)
            .then_some(&METADATA_AT_ROOT)
    };
    found.or_else(at_root).unwrap_or(&UNKNOWN)
}

/// What of a pattern is below the base path: with `/live` as the base, `/livez` is not.
fn below<'p>(pattern: &'p str, base: &str) -> Option<&'p str> {
    let rest = pattern.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

async fn page_not_found(_: Visitor<Session>) -> Answer {
    Err(Refusal::new(NOT_FOUND))
}

async fn page_of_another_method(_: Visitor<Session>, request: HttpRequest) -> Answer {
    another_method(request).await
}

/// RFC 9110 §15.5.6: a 405 names the methods that there are. A path without any is unknown.
async fn another_method(request: HttpRequest) -> Answer {
    let methods = Route::of(&request).methods();
    Err(match HeaderValue::try_from(methods) {
        Ok(methods) if !methods.is_empty() => {
            Refusal::new(METHOD_NOT_ALLOWED).header(header::ALLOW, methods)
        }
        _ => Refusal::new(NOT_FOUND),
    })
}

/// Leads a GET of a form's address to the page with the form; the sender needs what the page needs.
async fn lead_to_form<S>(_: S, request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let page = Route::of(&request).form_of.unwrap_or("/");
    site.see_other(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn av_1_health_at_the_root_is_not_below_a_base_path_that_begins_alike() {
        for (pattern, base, rest) in [
            ("/livez", "/live", None),
            ("/live/livez", "/live", Some("/livez")),
            ("/live", "/live", Some("")),
            ("/livez", "", Some("/livez")),
        ] {
            assert_eq!(below(pattern, base), rest, "{pattern} {base}");
        }
    }
}
