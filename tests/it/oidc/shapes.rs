//! What the providers that have a guide (`docs/providers`) really send, as it was
//! recorded, through the whole bridge with exactly the variables that the guide names.
//! So a guide cannot rot.
//!
//! Below `shapes/NAME`: discovery document, keys and token answer; below each of its
//! cases the ID token, userinfo, and the identity that must come of them. Names and ids
//! are made up, hosts become the tests' provider, times are moved to now, and what is
//! new in each sign-in (`nonce`, `at_hash`, keys) is filled in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use red5_bridge::flow::login::LoginError;
use red5_bridge::oidc::{Denial, InvalidAnswer, Outage, Pace, TokenFlaw};
use serde_json::{Value, json};
use strum::VariantNames as _;

use crate::bridge::TestBridge;
use crate::database::new_database;
use crate::provider::{ClientAuth, Key, Provider, Recorded};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shapes() -> PathBuf {
    root().join("tests/it/oidc/shapes")
}

fn guide(name: &str) -> String {
    fs::read_to_string(root().join(format!("docs/providers/{name}.md"))).unwrap()
}

/// Names of what is below a folder, those that end with `ending`, without it.
fn names(folder: &Path, ending: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
        .collect();
    names.sort_unstable();
    names
}

fn cases(name: &str) -> Vec<String> {
    let mut cases = names(&shapes().join(name), "");
    cases.retain(|case| !case.contains('.'));
    cases
}

/// The variables of a guide for one case: its blocks ` ```env `, and those
/// ` ```env CASE `, in the form of an `.env` file.
fn variables(guide: &str, case: &str) -> BTreeMap<String, String> {
    let mut text = String::new();
    let mut taken = false;
    for line in guide.lines() {
        if let Some(info) = line.strip_prefix("```") {
            taken = !taken && (info == "env" || info == format!("env {case}"));
        } else if taken {
            text.push_str(line);
            text.push('\n');
        }
    }
    let read = red5_bridge::config::env_file::parse(text.as_bytes());
    read.unwrap().into_iter().collect()
}

/// A recorded file, with the provider's hosts replaced by this one.
struct Shape {
    folder: PathBuf,
    hosts: Vec<String>,
    here: String,
}

impl Shape {
    fn of(name: &str, here: &str) -> Self {
        let folder = shapes().join(name);
        let text = fs::read_to_string(folder.join("discovery.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let hosts = [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
        ]
        .into_iter()
        .chain(["userinfo_endpoint", "end_session_endpoint"])
        .filter_map(|member| url::Url::parse(document[member].as_str()?).ok())
        .map(|url| url.origin().ascii_serialization())
        .collect();
        Self {
            folder,
            hosts,
            here: here.to_owned(),
        }
    }

    fn moved(&self, text: &str) -> String {
        let text = text.to_owned();
        let moves = self.hosts.iter();
        moves.fold(text, |text, host| text.replace(host.as_str(), &self.here))
    }

    fn file(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.folder.join(name)).unwrap();
        serde_json::from_str(&self.moved(&text)).unwrap()
    }
}

/// A provider that says what was recorded, and a bridge set up as the guide says.
async fn set_up(name: &str, case: &str) -> (TestBridge, Value) {
    let mut variables = variables(&guide(name), case);
    assert!(
        variables.len() >= 4,
        "{name}: the guide names {variables:?}"
    );
    let provider_here = Provider::start();
    let shape = Shape::of(name, provider_here.issuer());
    let issuer = variables.get_mut("OIDC_ISSUER_URL").unwrap();
    *issuer = shape.moved(issuer);
    let id_token = shape.file(&format!("{case}/id_token.json"));
    let key = Key::rs256(id_token["header"]["kid"].as_str().unwrap());
    provider_here.record(Recorded {
        discovery: shape.file("discovery.json"),
        keys: shape.file("jwks.json"),
        token_answer: shape.file("token.json"),
        userinfo: shape.file(&format!("{case}/userinfo.json")),
        id_token,
        key,
    });
    let id = variables["OIDC_CLIENT_ID"].clone();
    let secret = variables["OIDC_CLIENT_SECRET"].clone();
    provider_here.know_client(&id, Some(&secret), ClientAuth::Basic);

    let identity = shape.file(&format!("{case}/identity.json"));
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let database_url = new_database().await;
    let start = |_| provider_here;
    let bridge = TestBridge::start_at(&database_url, &variables, Pace::default(), start).await;
    (bridge, identity)
}

#[tokio::test]
async fn id_13_and_id_14_each_provider_signs_in_as_its_guide_says() {
    for name in names(&shapes(), "") {
        for case in cases(&name) {
            let (bridge, wanted) = set_up(&name, &case).await;
            let ann = bridge.signed_in("ann").await;

            let session = ann.peek("/api/session").await.json();
            let identity = &session["identity"];
            let found = json!({
                "subject": identity["subject"],
                "username": identity["username"],
                "name": identity["name"],
                "groups": identity["groups"],
                "administrator": session["administrator"],
                "token": ann.token(json!({})).await.code(),
            });
            assert_eq!(found, wanted, "{name}, {case}");
            assert_eq!(identity["issuer"], bridge.provider.issuer_of_document());
        }
    }
}

#[test]
fn every_provider_has_a_guide_and_every_guide_a_recorded_shape() {
    let mut guides = names(&root().join("docs/providers"), ".md");
    guides.retain(|name| name != "README");
    assert_eq!(guides, names(&shapes(), ""));
    let index = guide("README");
    for name in guides {
        assert!(
            index.contains(&format!("({name}.md)")),
            "{name} is not in the index"
        );
        let text = guide(&name);
        for place in ["/auth/callback", "/auth/signed-out"] {
            assert!(text.contains(place), "{name}: {place}");
        }
        // A block for a case that is not recorded proves nothing.
        let blocks = text.lines().filter_map(|line| line.strip_prefix("```env "));
        for case in blocks {
            assert!(cases(&name).iter().any(|one| one == case), "{name}: {case}");
        }
    }
}

/// The words of the `code` tables of a source file: what stands behind their arrows.
fn codes(file: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("src").join(file)).unwrap();
    let arms = text.lines().filter_map(|line| line.split_once("=> "));
    let words = arms.filter_map(|(_, code)| code.split('"').nth(1));
    words.map(str::to_owned).collect()
}

#[test]
fn every_reason_of_a_failed_sign_in_or_refresh_is_in_the_table_of_the_guides() {
    let index = guide("README");
    let (_, table) = index.split_once("## What is refused").unwrap();
    let mut codes = codes("flow/login.rs");
    let derived = [
        LoginError::VARIANTS,
        Outage::VARIANTS,
        Denial::VARIANTS,
        InvalidAnswer::VARIANTS,
        TokenFlaw::VARIANTS,
    ];
    let derived = derived.into_iter().flatten().copied();
    // Those have the code of what they hold, and the last none of the provider's.
    let not_told = ["provider", "oidc", "id_token", "provider_no_randomness"];
    let own = derived.filter(|code| !not_told.contains(code));
    codes.extend(own.map(str::to_owned));
    let others = ["no_randomness", "parameters", "sealed_with_another_key"];
    codes.extend(others.map(str::to_owned));
    assert!(codes.len() > 60, "{codes:?}");
    codes.retain(|code| !table.contains(&format!("`{code}`")));
    assert_eq!(codes, [""; 0]);
}
