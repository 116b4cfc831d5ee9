//! Below a base path, and at an http address of this machine (SE-2, LR-4).

use crate::bridge::{TestBridge, path_of};
use crate::provider::Endpoint;

#[tokio::test]
async fn below_a_base_path_everything_is_there_and_nothing_is_at_the_root() {
    let public_url = [("BRIDGE_PUBLIC_URL", "https://bridge.example/red5")];
    let bridge = TestBridge::start_with(&public_url).await;
    bridge.provider.person("ann").groups(["streaming-admins"]);
    let mut ann = bridge.browser();

    let welcome = ann.get("/red5/").await;
    assert!(
        welcome
            .body
            .contains("href=\"/red5/auth/login?return_to=%2Fred5%2F\"")
    );
    let refused = ann.peek("/red5/api/session").await.json();
    assert_eq!(
        refused["login_url"],
        "https://bridge.example/red5/auth/login"
    );

    let begun = ann
        .get("/red5/auth/login?return_to=%2Fred5%2Fadmin%2Fmappings")
        .await;
    let back = bridge.provider.approve(&begun.location(), "ann").await;
    assert_eq!(back.path(), "/red5/auth/callback");
    let done = ann.get(&path_of(&back)).await;
    assert_eq!(
        done.header("location"),
        "https://bridge.example/red5/admin/mappings"
    );
    let request = bridge.provider.last(Endpoint::Token);
    assert_eq!(
        request.form["redirect_uri"],
        "https://bridge.example/red5/auth/callback"
    );
    assert_eq!(ann.get("/red5/admin/mappings").await.status, 200);
    assert_eq!(ann.get("/red5/api/session").await.status, 200);

    for path in [
        "/",
        "/auth/login",
        "/api/session",
        "/admin/mappings",
        "/red5x/",
        "/red5x/auth/login",
    ] {
        assert_eq!(ann.peek(path).await.status, 404, "{path}");
    }
    for path in ["/livez", "/readyz", "/red5/livez", "/red5/readyz"] {
        assert_eq!(ann.peek(path).await.status, 200, "{path}");
    }

    let out = ann.submit("/red5/", "/red5/auth/logout", &[]).await;
    assert_eq!(
        out.header("location"),
        "https://bridge.example/red5/auth/signed-out"
    );
    let page = ann.get("/red5/auth/signed-out").await;
    assert!(
        page.body
            .contains("https%3A%2F%2Fbridge.example%2Fred5%2Fauth%2Fsigned-out")
    );
    assert!(ann.cookies.is_empty(), "{:?}", ann.cookies);
}

#[tokio::test]
async fn the_public_url_itself_leads_to_the_portal() {
    let public_url = [("BRIDGE_PUBLIC_URL", "https://bridge.example/red5")];
    let bridge = TestBridge::start_with(&public_url).await;
    let answer = bridge.browser().get("/red5").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "https://bridge.example/red5/");
}

#[tokio::test]
async fn two_bridges_on_one_host_have_cookies_of_their_own() {
    let mut names = Vec::new();
    for path in ["/a", "/b"] {
        let public_url = format!("https://bridge.example{path}");
        let bridge = TestBridge::start_with(&[("BRIDGE_PUBLIC_URL", &public_url)]).await;
        bridge.provider.person("ann");
        let mut ann = bridge.browser();
        let begun = ann.get(&format!("{path}/auth/login")).await;
        let back = bridge.provider.approve(&begun.location(), "ann").await;
        let line = ann.get(&path_of(&back)).await.set_cookies().remove(0);
        assert!(line.contains("; Path=/;"), "{line}");
        let name = ann.session().unwrap().0;
        let suffix = name.strip_prefix("__Host-bridge_session_").unwrap();
        assert!(suffix.len() == 8 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit()));
        names.push(name);
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn se_2_at_an_http_address_of_this_machine_cookies_lose_prefix_and_secure() {
    let origin = "http://127.0.0.1:8080";
    let bridge = TestBridge::start_with(&[("BRIDGE_PUBLIC_URL", origin)]).await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let begun = ann.get("/auth/login").await;
    let back = bridge.provider.approve(&begun.location(), "ann").await;
    let done = ann.get(&path_of(&back)).await;
    assert_eq!(done.header("location"), "http://127.0.0.1:8080/");
    assert!(!done.has("strict-transport-security"));
    assert_eq!(ann.session().unwrap().0, "bridge_session");
    let token = ann.peek("/").await.field("form_token");
    let out = ann
        .post_form("/auth/logout", &[("form_token", &token)], origin)
        .await;
    assert_eq!(out.status, 303);

    for line in [&begun, &done, &out]
        .into_iter()
        .flat_map(crate::bridge::Answer::set_cookies)
    {
        assert!(line.starts_with("bridge_"), "{line}");
        assert!(!line.contains("Secure"), "{line}");
        assert!(line.contains("; HttpOnly; SameSite=Lax; Path=/;"), "{line}");
    }
}
