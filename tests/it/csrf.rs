//! Every way in which a browser may say where a request comes from, at every
//! door, against a rule that is written down here a second time (CS-1, CS-4).

use serde_json::json;

use crate::bridge::{APP_ORIGIN, ORIGIN, TestBridge};

/// `Origin`, as often as it is sent.
const ORIGINS: &[&[&str]] = &[
    &[],
    &[ORIGIN],
    &[APP_ORIGIN],
    &["null"],
    &["https://evil.example"],
    &["https://x.bridge.example"],
    &["http://bridge.example"],
    &["https://bridge.example:8443"],
    &["https://BRIDGE.example"],
    &["https://bridge.example/"],
    &["https://bridge.example, https://evil.example"],
    &[ORIGIN, ORIGIN],
    &[ORIGIN, "https://evil.example"],
];

const SITES: &[Option<&str>] = &[
    None,
    Some("same-origin"),
    Some("same-site"),
    Some("cross-site"),
    Some("none"),
    Some("Same-Origin"),
    Some("same-origin, cross-site"),
];

/// `Sec-Fetch-Mode` and `-Dest`: they describe a request and vouch for nothing.
const KINDS: &[(&str, &str)] = &[
    ("navigate", "document"),
    ("navigate", "iframe"),
    ("no-cors", "image"),
    ("cors", "empty"),
    ("same-origin", "empty"),
    ("websocket", "websocket"),
];

/// What shows the bridge that a page or a script of ours made the request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Proof {
    FormToken,
    Header,
}

/// A door, with a request that is good but for what is behind the door: so a request that
/// passes is told apart from one that does not, and nothing changes.
struct Door {
    method: &'static str,
    path: String,
    kind: &'static str,
    body: &'static str,
    proof: Proof,
    apps: bool,
    inside: u16,
}

#[expect(
    clippy::too_many_lines,
    reason = "one table of all forms and endpoints"
)]
fn doors(id: &str) -> Vec<Door> {
    let form = "application/x-www-form-urlencoded";
    let json = "application/json";
    let door = |method, path: &str, kind, body, proof, inside| Door {
        method,
        path: path.to_owned(),
        kind,
        body,
        proof,
        apps: matches!(path, "/api/token" | "/api/logout"),
        inside,
    };
    vec![
        door("POST", "/api/token", json, "{}", Proof::Header, 200),
        // A member too many: the session stays for the doors that follow.
        door("POST", "/api/logout", json, "{\"x\":1}", Proof::Header, 400),
        door(
            "POST",
            "/api/admin/mappings",
            json,
            "{}",
            Proof::Header,
            400,
        ),
        door(
            "PUT",
            &format!("/api/admin/mappings/{id}"),
            json,
            "{}",
            Proof::Header,
            400,
        ),
        door(
            "DELETE",
            &format!("/api/admin/mappings/{id}"),
            json,
            "{}",
            Proof::Header,
            428,
        ),
        door("POST", "/portal/token", form, "", Proof::FormToken, 200),
        door("POST", "/admin/mappings", form, "", Proof::FormToken, 400),
        door(
            "POST",
            "/admin/mappings/selected",
            form,
            "",
            Proof::FormToken,
            400,
        ),
        door(
            "POST",
            &format!("/admin/mappings/{id}"),
            form,
            "",
            Proof::FormToken,
            400,
        ),
        door(
            "POST",
            "/admin/mappings/restore",
            form,
            "",
            Proof::FormToken,
            400,
        ),
        door("POST", "/admin/tests", form, "", Proof::FormToken, 400),
        door("POST", "/admin/tests/1", form, "", Proof::FormToken, 400),
        door(
            "POST",
            "/admin/tests/1/delete",
            form,
            "",
            Proof::FormToken,
            400,
        ),
        // Nothing is registered, and no client has the id.
        door("POST", "/admin/clients", form, "", Proof::FormToken, 400),
        door(
            "POST",
            "/admin/clients/x/edit",
            form,
            "",
            Proof::FormToken,
            400,
        ),
        door(
            "POST",
            "/admin/clients/x/delete",
            form,
            "",
            Proof::FormToken,
            400,
        ),
        door(
            "POST",
            "/admin/clients/x/secrets",
            form,
            "",
            Proof::FormToken,
            303,
        ),
        door("POST", "/apps/x/end", form, "", Proof::FormToken, 303),
        door("POST", "/device", form, "", Proof::FormToken, 422),
        door("POST", "/device/decide", form, "", Proof::FormToken, 422),
        door("POST", "/api/admin/clients", json, "{}", Proof::Header, 400),
        door(
            "PUT",
            "/api/admin/clients/x",
            json,
            "{}",
            Proof::Header,
            400,
        ),
        door(
            "DELETE",
            "/api/admin/clients/x",
            json,
            "{}",
            Proof::Header,
            428,
        ),
        door(
            "POST",
            "/api/admin/clients/x/secrets",
            json,
            "{}",
            Proof::Header,
            404,
        ),
        door(
            "DELETE",
            "/api/admin/clients/x/secrets/y",
            json,
            "{}",
            Proof::Header,
            404,
        ),
        door("POST", "/admin/files", form, "", Proof::FormToken, 400),
        door(
            "POST",
            "/admin/files/apply",
            form,
            "",
            Proof::FormToken,
            400,
        ),
        door(
            "POST",
            &format!("/admin/mappings/{id}/switch"),
            form,
            "",
            Proof::FormToken,
            400,
        ),
        door(
            "POST",
            &format!("/admin/mappings/{id}/delete"),
            form,
            "",
            Proof::FormToken,
            400,
        ),
    ]
}

/// The rule: our own origin, or an app's where apps may; without an origin the
/// browser's word that it is the same; and the proof.
fn gets_in(door: &Door, origins: &[&str], site: Option<&str>, proof: bool) -> bool {
    let from_here = match origins {
        [] => site == Some("same-origin"),
        [origin] => *origin == ORIGIN || (door.apps && *origin == APP_ORIGIN),
        _ => false,
    };
    from_here && proof
}

#[tokio::test]
async fn cs_1_cs_3_cs_4_who_gets_in_is_who_the_rule_lets_in() {
    let bridge = TestBridge::start().await;
    let row = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]});
    let id = bridge.add(&row).await["id"].to_string();
    let admin = bridge.admin().await;
    let token = admin.peek("/").await.field("form_token");
    let mut inside = 0;
    for door in doors(&id) {
        for origins in ORIGINS {
            for site in SITES {
                for (mode, dest) in KINDS {
                    for proof in [true, false] {
                        // Half of it, by turns, where nothing depends on it.
                        if !proof && *mode != "cors" {
                            continue;
                        }
                        let mut headers = vec![
                            ("content-type", door.kind),
                            ("sec-fetch-mode", *mode),
                            ("sec-fetch-dest", *dest),
                        ];
                        headers.extend(origins.iter().map(|origin| ("origin", *origin)));
                        headers.extend(site.map(|site| ("sec-fetch-site", site)));
                        let mut body = door.body.to_owned();
                        match door.proof {
                            Proof::Header if proof => headers.push(("x-red5-bridge", "1")),
                            Proof::FormToken if proof => body = format!("form_token={token}"),
                            _ => {}
                        }
                        let answer = admin.send(door.method, &door.path, &headers, &body).await;
                        let is_in = gets_in(&door, origins, *site, proof);
                        let expected = if is_in { door.inside } else { 403 };
                        let (method, path) = (door.method, &door.path);
                        assert_eq!(answer.status, expected, "{method} {path} {headers:?}");
                        assert!(is_in || !answer.body.contains("eyJ"));
                        inside += usize::from(is_in);
                    }
                }
            }
        }
    }
    assert!(inside > 100, "{inside}");
    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(bridge.count("audit_log").await, 1);
}

#[tokio::test]
async fn cs_1_lo_1_a_request_of_another_site_ends_no_session() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    let token = ann.peek("/").await.field("form_token");
    let body = format!("form_token={token}");
    for origins in ORIGINS.iter().filter(|origins| **origins != [ORIGIN]) {
        for site in SITES.iter().filter(|site| **site != Some("same-origin")) {
            let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
            headers.extend(origins.iter().map(|origin| ("origin", *origin)));
            headers.extend(site.map(|site| ("sec-fetch-site", site)));
            let answer = ann.send("POST", "/auth/logout", &headers, &body).await;
            assert_eq!(answer.status, 403, "{headers:?}");
        }
    }
    // An image, a frame or a link of another site asks with GET.
    for (mode, dest) in KINDS {
        let headers = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", *mode),
            ("sec-fetch-dest", *dest),
        ];
        let answer = ann.send("GET", "/auth/logout", &headers, "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    }
    assert_eq!(ann.peek("/api/session").await.status, 200);
}
