//! What is fuzzed at the edge: `Cookie` headers and the body of a mapping.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target fails by panicking"
)]

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::test::TestRequest;
use chrono::{DateTime, Utc};
use secrecy::{SecretBox, SecretString};
use serde_json::{Map, Value, json};

use super::cookies::Cookies;
use crate::config::addresses::PublicUrl;
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};
use crate::flow::attempt;
use crate::flow::return_to::ReturnToRule;
use crate::json;
use crate::oidc::{Attempt, AttemptSecrets};
use crate::seal::Seal;

const SESSION: &str = "__Host-bridge_session";
const STATE: &str = "the-state-of-this-attempt";

/// The lines of `Cookie` headers. A session or an attempt is what stands in
/// exactly one pair (SE-8, SE-9), no attempt can be made up (CB-1), and removing
/// the cookies that were planted is an answer like any other.
pub fn cookies(data: &[u8]) {
    let url = PublicUrl::parse("https://bridge.example").unwrap();
    let cookies = Cookies::new(&url);
    let mut request = TestRequest::get().uri("/");
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            request = request.append_header((header::COOKIE, value));
        }
    }
    let request = request.to_http_request();
    let named = |wanted: &str| -> Vec<String> {
        let lines = request.headers().get_all(header::COOKIE);
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let texts = pairs.filter_map(|pair| String::from_utf8(pair.to_vec()).ok());
        let split = texts.filter_map(|text| {
            let (name, value) = text.split_once('=')?;
            let name = name.trim_start_matches([' ', '\t']).to_owned();
            // A pair without a value ends with its name's white space.
            Some((name, value.trim_end_matches([' ', '\t']).to_owned()))
        });
        split
            .filter(|(name, _)| name == wanted)
            .map(|(_, value)| value)
            .collect()
    };
    if let Some(session) = cookies.session(&request) {
        assert_eq!(named(SESSION), [session.expose()]);
        assert_eq!(session.expose().len(), 43);
        assert!(session.is_form_token(&session.form_token()));
    }
    let seal = seal();
    let now = now();
    let label = attempt::label(STATE);
    assert!(label.len() == 16 && label.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if let Some(value) = cookies.attempt(&request, &label) {
        assert_eq!(named(&format!("__Host-bridge_login_{label}")), [value]);
        assert!(
            attempt::open(&seal, value, STATE, now).is_err(),
            "made up: {value}"
        );
        check_changed(&seal, value, now);
    }
    for (name, value) in cookies.attempts(&request) {
        assert!(name.starts_with("__Host-bridge_login_"));
        assert!(named(name).iter().any(|other| other == value));
        let mut answer = HttpResponse::Ok();
        let answer = answer.cookie(cookies.removal(name)).finish();
        assert_eq!(answer.status(), 200, "{name:?} cannot be removed");
    }
}

/// An attempt of ours opens for its own state alone, and never after a change.
fn check_changed(seal: &Seal, changes: &str, now: DateTime<Utc>) {
    let rule = ReturnToRule::new("https://bridge.example/", Vec::new()).unwrap();
    let secrets = AttemptSecrets {
        nonce: SecretString::from("nonce"),
        verifier: SecretString::from("verifier"),
    };
    let attempt = Attempt {
        state: STATE.to_owned(),
        secrets,
    };
    let sealed = attempt::seal(seal, &attempt, (&rule.home(), None), now)
        .unwrap()
        .value;
    assert!(attempt::open(seal, &sealed, STATE, now).is_ok());
    assert!(attempt::open(seal, &sealed, changes, now).is_err());
    let at = changes.len() % sealed.len();
    let byte = changes.bytes().next().unwrap_or(b'A');
    let mut other = sealed.clone().into_bytes();
    other[at] = byte;
    if let Ok(other) = String::from_utf8(other) {
        let same = other == sealed;
        assert_eq!(attempt::open(seal, &other, STATE, now).is_ok(), same);
    }
    assert!(
        attempt::open(seal, &format!("{sealed}{changes}"), STATE, now).is_ok()
            == changes.is_empty()
    );
}

fn seal() -> Seal {
    Seal::new(&[SecretBox::new(Box::new([7; 32]))]).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_521_600, 0).unwrap()
}

/// The JSON of a mapping. What is accepted is the same mapping again: from its
/// own words, and from what the API shows of it (AD-5).
pub fn mapping(data: &[u8]) {
    let Some(members) = json::object(data) else {
        return;
    };
    let draft = match MappingDraft::parse(members) {
        Ok(draft) => draft,
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| !error.reason.is_empty()));
            return;
        }
    };
    let words = json!(draft);
    for list in ["roles", "transports", "rooms"] {
        let list = words[list].as_array().unwrap();
        let list: Vec<&str> = list.iter().map(|word| word.as_str().unwrap()).collect();
        assert!(
            !list.is_empty() && list.is_sorted_by(|one, next| one < next),
            "{list:?}"
        );
        assert!(list.len() == 1 || !list.contains(&"*"), "{list:?}");
    }
    assert!(
        draft
            .max_ttl_seconds()
            .is_none_or(|seconds| i32::try_from(seconds).is_ok())
    );
    let again = |members: Map<String, Value>| {
        MappingDraft::parse(members).map(|again| again.with_seconds_of(&draft))
    };
    let row = Mapping {
        id: MappingId(1),
        draft: draft.clone(),
        version: 1,
        created_at: now(),
        created_by: "ada".to_owned(),
        updated_at: now(),
        updated_by: "ada".to_owned(),
        last_used_at: None,
    };
    let shown = json!(row);
    assert_eq!(shown["match"], draft.group().word());
    let (Value::Object(words), Value::Object(shown)) = (words, shown) else {
        panic!("a mapping is shown as an object");
    };
    // A window within one second is shown as none.
    if words["valid_from"].is_null() || words["valid_from"] != words["valid_until"] {
        assert_eq!(again(words), Ok(draft.clone()));
        let edited = MappingDraft::parse_edit(shown);
        let edited = edited.map(|again| again.with_seconds_of(&draft));
        assert_eq!(edited, Ok(draft.clone()));
    }
}
