//! `/openapi.json` and `/docs`: the API's description for programs and for people, both from
//! `docs/openapi.json`. `scripts/api-page` renders the page's template when the document changes.
//!
//! Neither has CORS headers (CS-5, CS-6): tools fetch the document directly, and no page of another
//! origin needs it.

use actix_web::{HttpResponse, web};

use super::extract::{Page, Session, Visitor};
use super::page::show;
use super::site::Site;
use super::views::{ApiDocs, ErrorCodes};

/// Committed in `docs/`, so that app authors can read it in the repository too.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// The bridge's example address in the document.
const EXAMPLE_BRIDGE: &str = "https://bridge.example.com";

/// The document with this bridge's address instead of the example.
fn document_of(site: &Site) -> String {
    let quoted = serde_json::Value::from(site.to("")).to_string();
    DOCUMENT.replace(EXAMPLE_BRIDGE, quoted.trim_matches('"'))
}

/// GET `/openapi.json`
pub async fn document(site: web::Data<Site>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(document_of(&site))
}

/// GET `/docs`
pub async fn docs(_: Visitor<Session>, page: Page) -> HttpResponse {
    show(&ApiDocs {
        bridge: page.site().to(""),
        frame: page.frame(),
    })
}

/// GET `/docs/errors`
pub async fn errors(_: Visitor<Session>, page: Page) -> HttpResponse {
    show(&ErrorCodes {
        frame: page.frame(),
    })
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::*;
    use crate::config::addresses::PublicUrl;
    use crate::web::views::Frame;

    const BRIDGE: &str = "https://live.example.net/red5";

    #[test]
    fn the_document_names_this_bridge_and_no_other() {
        let url = PublicUrl::parse(BRIDGE).unwrap();
        let text = document_of(&Site::new(url, Vec::new()));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["servers"][0]["url"], BRIDGE);
        assert!(!text.contains(EXAMPLE_BRIDGE));
        assert!(text.contains("https://live.example.net/red5/auth/login"));
    }

    fn page() -> String {
        let frame = Frame {
            base: "/red5".to_owned(),
            person: None,
        };
        let bridge = BRIDGE.to_owned();
        ApiDocs { frame, bridge }.render().unwrap()
    }

    /// The request and the answers of an operation.
    fn operation(id: &str) -> (String, Vec<String>) {
        let page = page();
        let heading = format!("<h3 id=\"{id}\">");
        let mut sections = page.split("<section class=\"card operation\">");
        let section = sections.find(|section| section.contains(&heading)).unwrap();
        let (request, answers) = section.split_once("<h4>Answers</h4>").unwrap();
        let answers = answers.split("<div class=\"answer\">").skip(1);
        (request.to_owned(), answers.map(str::to_owned).collect())
    }

    fn row<'a>(table: &'a str, name: &str) -> &'a str {
        let heading = format!("<th scope=\"row\"><code>{name}</code>");
        let mut rows = table.split("<tr>");
        let row = rows.find(|row| row.contains(&heading));
        row.unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn the_page_names_this_bridge_and_no_other() {
        let page = page();
        assert!(!page.contains(EXAMPLE_BRIDGE));
        assert!(page.contains("https://live.example.net/red5/auth/login"));
    }

    #[test]
    fn every_operation_is_shown_once_below_its_tag() {
        let page = page();
        let headings = page.split("<h3 id=\"").skip(1).map(|heading| {
            let (_, heading) = heading.split_once("<code>").unwrap();
            heading.split_once("</code>").unwrap().0
        });
        assert_eq!(
            headings.collect::<Vec<_>>(),
            [
                "POST /api/logout",
                "OPTIONS /api/logout",
                "GET /api/session",
                "OPTIONS /api/session",
                "POST /api/token",
                "OPTIONS /api/token",
                "GET /.well-known/oauth-authorization-server",
                "OPTIONS /.well-known/oauth-authorization-server",
                "POST /oauth2/device_authorization",
                "OPTIONS /oauth2/device_authorization",
                "POST /oauth2/revoke",
                "OPTIONS /oauth2/revoke",
                "POST /oauth2/token",
                "OPTIONS /oauth2/token",
                "GET /api/admin/mappings",
                "POST /api/admin/mappings",
                "POST /api/admin/mappings/changes",
                "POST /api/admin/mappings/restore",
                "GET /api/admin/mappings/{id}",
                "PUT /api/admin/mappings/{id}",
                "DELETE /api/admin/mappings/{id}",
                "POST /api/admin/mappings/{id}/restore",
                "GET /api/admin/tests",
                "POST /api/admin/tests",
                "GET /api/admin/tests/{id}",
                "PUT /api/admin/tests/{id}",
                "DELETE /api/admin/tests/{id}",
                "GET /api/admin/blocks",
                "POST /api/admin/blocks",
                "DELETE /api/admin/blocks",
                "POST /api/admin/explain",
                "GET /api/admin/groups",
                "GET /api/admin/people",
                "GET /api/admin/people/{id}",
                "GET /api/admin/sessions",
                "DELETE /api/admin/sessions",
                "DELETE /api/admin/sessions/{id}",
                "GET /api/admin/who-can",
                "GET /api/admin/clients",
                "POST /api/admin/clients",
                "GET /api/admin/clients/{id}",
                "PUT /api/admin/clients/{id}",
                "DELETE /api/admin/clients/{id}",
                "GET /api/admin/clients/{id}/secrets",
                "POST /api/admin/clients/{id}/secrets",
                "DELETE /api/admin/clients/{id}/secrets/{secret}",
                "GET /api/admin/audit",
                "POST /red5/invalidateCredentials",
                "POST /red5/validateCredentials",
                "GET /livez",
                "GET /readyz",
            ]
        );
    }

    #[test]
    fn a_request_shows_its_parameters_and_the_members_of_its_body() {
        let (put, _) = operation("replaceMapping");
        assert!(!put.contains("No sign-in is needed"));
        assert!(row(&put, "id").contains("<span class=\"hint\">path, always</span>"));
        assert!(row(&put, "X-Red5-Bridge").contains("<td><code>1</code></td>"));
        let until = row(&put, "valid_until");
        assert!(until.contains("<td>time or <code>null</code></td>"));
        assert!(until.contains("<td>First moment at which it is over"));
        assert_eq!(put.matches("<details").count(), 1);
        assert!(operation("readyz").0.contains("No sign-in is needed."));
    }

    #[test]
    fn an_answer_shows_the_members_of_members_and_each_code() {
        let (_, answers) = operation("getSession");
        for name in ["Vary", "identity.groups", "entitlement[].rooms"] {
            row(&answers[0], name);
        }
        let (_, answers) = operation("getToken");
        let refused = answers
            .iter()
            .find(|answer| answer.contains("<h5><code>403</code>"));
        let (heading, rest) = refused.unwrap().split_once("</h5>").unwrap();
        let codes = heading.split("<code>").skip(2);
        assert_eq!(
            codes
                .map(|code| code.split_once("</code>").unwrap().0)
                .collect::<Vec<_>>(),
            [
                "forbidden_origin",
                "no_grant",
                "no_username",
                "groups_overage",
                "scope_not_granted",
                "room_required",
                "ttl_too_short",
                "blocked"
            ]
        );
        assert!(!rest.contains("<table"));
    }
}
