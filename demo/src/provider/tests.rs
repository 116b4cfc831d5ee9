//! The demo provider as its client meets it.

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::test::{TestRequest, call_service, init_service};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use std::collections::HashMap;

use super::super::people::PEOPLE;
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use red5_bridge::clock::SystemClock;

const ISSUER: &str = "http://127.0.0.1:1";
const CALLBACK: &str = "http://127.0.0.1:2/auth/callback";
const SIGNED_OUT: &str = "http://127.0.0.1:2/auth/signed-out";

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A new provider, which answers any number of requests.
struct Scene(Data<State>);

impl Scene {
    fn new() -> Self {
        let client = Client {
            id: "bridge".into(),
            secret: Some("s3cret".into()),
            redirect_uri: CALLBACK.parse().unwrap(),
            post_logout_redirect_uri: SIGNED_OUT.parse().unwrap(),
        };
        let state = State::new(ISSUER.into(), client, &PEOPLE, Arc::new(SystemClock)).unwrap();
        Self(Data::new(state))
    }

    async fn call(&self, request: TestRequest) -> ServiceResponse {
        let state = self.0.clone();
        let app = init_service(App::new().configure(|routes| configure(routes, state))).await;
        call_service(&app, request.to_request()).await
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> ServiceResponse {
        let mut url = Url::parse(ISSUER).unwrap().join(path).unwrap();
        url.query_pairs_mut().extend_pairs(query);
        self.call(TestRequest::get().uri(url.as_str())).await
    }

    /// Clicks on a person and returns the code.
    async fn code(&self, username: &str) -> String {
        let path = format!("/authorize/as/{username}");
        let answer = self.get(&path, &authorization()).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let back = query_of(&answer);
        assert_eq!(back["state"], "st");
        assert_eq!(back["iss"], ISSUER);
        back["code"].clone()
    }

    async fn redeem(&self, code: &str, verifier: &str, password: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        let credentials = STANDARD.encode(format!("bridge:{password}"));
        let request = TestRequest::post()
            .uri("/token")
            .insert_header(("Authorization", format!("Basic {credentials}")))
            .set_form(form);
        let answer = self.call(request).await;
        (answer.status(), json_of(answer).await)
    }
}

fn authorization() -> Vec<(&'static str, &'static str)> {
    vec![
        ("client_id", "bridge"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

/// The same request with one parameter changed, or left out.
fn changed(name: &str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    authorization()
        .into_iter()
        .filter_map(|(key, old)| {
            let kept = if key == name { value } else { Some(old) };
            kept.map(|kept| (key, kept))
        })
        .collect()
}

fn query_of(answer: &ServiceResponse) -> HashMap<String, String> {
    let location = answer.headers().get(LOCATION).unwrap().to_str().unwrap();
    assert!(location.starts_with(CALLBACK), "{location}");
    let url = Url::parse(location).unwrap();
    url.query_pairs().into_owned().collect()
}

async fn body_of(answer: ServiceResponse) -> String {
    let body = to_bytes(answer.into_body()).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn json_of(answer: ServiceResponse) -> Value {
    serde_json::from_str(&body_of(answer).await).unwrap()
}

/// The claims, once the signature fits the published key.
fn verified(id_token: &str, key_set: &Value) -> Value {
    let (signed, signature) = id_token.rsplit_once('.').unwrap();
    let key = &key_set["keys"][0];
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).unwrap();
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
    let claims = signed.split_once('.').unwrap().1;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[actix_web::test]
async fn the_page_lists_everybody_with_the_whole_request_in_each_link() {
    let scene = Scene::new();
    let answer = scene.get("/authorize", &authorization()).await;
    let policy = answer.headers().get("Content-Security-Policy").cloned();
    assert!(
        policy
            .unwrap()
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    let page = body_of(answer).await;
    for person in PEOPLE {
        assert!(page.contains(&format!("/authorize/as/{}?", person.username)));
        assert!(page.contains(person.name));
        assert!(page.contains(person.groups[0]));
    }
    assert_eq!(page.matches("nonce=no").count(), PEOPLE.len());
    assert!(!page.contains("style="));
}

#[actix_web::test]
async fn a_click_leads_to_a_signed_id_token_and_userinfo() {
    let scene = Scene::new();
    let code = scene.code("ada").await;
    let (status, answer) = scene.redeem(&code, VERIFIER, "s3cret").await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    let keys = json_of(scene.get("/keys", &[]).await).await;
    let claims = verified(answer["id_token"].as_str().unwrap(), &keys);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], "bridge");
    assert_eq!(claims["nonce"], "no");
    assert_eq!(claims["groups"], json!(PEOPLE[0].groups));

    let token = answer["access_token"].as_str().unwrap();
    let request = TestRequest::get()
        .uri("/userinfo")
        .insert_header(("Authorization", format!("Bearer {token}")));
    let about = json_of(scene.call(request).await).await;
    assert_eq!(about["sub"], claims["sub"]);
}

#[actix_web::test]
async fn a_code_is_spent_by_its_first_use_good_or_bad() {
    let scene = Scene::new();
    let code = scene.code("vic").await;
    let (status, answer) = scene.redeem(&code, "not-the-verifier", "s3cret").await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
    );
    let (status, _) = scene.redeem(&code, VERIFIER, "s3cret").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn a_wrong_secret_is_no_client() {
    let scene = Scene::new();
    let code = scene.code("vic").await;
    let (status, answer) = scene.redeem(&code, VERIFIER, "guess").await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_client"))
    );
}

#[actix_web::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let scene = Scene::new();
    for request in [
        changed("redirect_uri", Some("http://127.0.0.1:3/")),
        changed("redirect_uri", None),
        changed("client_id", Some("other")),
    ] {
        let answer = scene.get("/authorize", &request).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert!(answer.headers().get(LOCATION).is_none());
    }
}

#[actix_web::test]
async fn a_request_that_cannot_be_served_goes_back_with_the_reason() {
    let scene = Scene::new();
    let mut silent = authorization();
    silent.push(("prompt", "none"));
    for (request, error) in [
        (
            changed("response_type", Some("token")),
            "unsupported_response_type",
        ),
        (changed("scope", Some("profile")), "invalid_scope"),
        (changed("code_challenge", None), "invalid_request"),
        (
            changed("code_challenge_method", Some("plain")),
            "invalid_request",
        ),
        (silent, "login_required"),
    ] {
        let answer = scene.get("/authorize/as/ada", &request).await;
        let back = query_of(&answer);
        assert_eq!(back["error"], error);
        assert_eq!(back["state"], "st");
        assert!(!back.contains_key("code"));
    }
}

#[actix_web::test]
async fn signing_out_leads_back_to_the_registered_address_only() {
    let scene = Scene::new();
    let query = [("post_logout_redirect_uri", SIGNED_OUT), ("state", "bye")];
    let answer = scene.get("/end-session", &query).await;
    let location = answer.headers().get(LOCATION).unwrap().to_str().unwrap();
    assert_eq!(location, format!("{SIGNED_OUT}?state=bye"));

    let query = [("post_logout_redirect_uri", "http://127.0.0.1:3/")];
    let answer = scene.get("/end-session", &query).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers().get(LOCATION).is_none());
}
