//! OAuth client libraries of other projects against a running bridge: none of their programs
//! (`tests/clients`) has a line that is there because of the bridge.
//!
//! `scripts/clients` prepares them. Each signs in by code and PKCE, refreshes, revokes, and exchanges
//! subject tokens and plays a device if it can; this file plays the person at the browser.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use url::Url;

use crate::bridge::{Answer, Browser, RED5_SECRET, TestBridge, path_of};
use crate::provider::Place;
use crate::red5::server::{Operation, Profile, Red5};

/// A program, and what it can do besides code, refresh and revocation.
struct Library {
    name: &'static str,
    command: &'static [&'static str],
    confidential: bool,
    public: bool,
    /// The other grant types that it knows. As a device it plays a public client: the library of Go sends no secret with the
    /// request of a device.
    also: &'static [&'static str],
}

const PYTHON: &str = ".local/clients/python/bin/python";

const LIBRARIES: [Library; 7] = [
    Library {
        name: "oauth4webapi",
        command: &["node", ".local/clients/node/oauth4webapi.mjs"],
        confidential: true,
        public: true,
        also: &["token_exchange", "device_code"],
    },
    Library {
        name: "openid-client",
        command: &["node", ".local/clients/node/openid-client.mjs"],
        confidential: true,
        public: true,
        also: &["token_exchange", "device_code"],
    },
    Library {
        name: "oidc-client-ts",
        command: &["node", ".local/clients/node/oidc-client-ts.mjs"],
        confidential: false,
        public: true,
        also: &[],
    },
    Library {
        name: "simple-oauth2",
        command: &["node", ".local/clients/node/simple-oauth2.mjs"],
        confidential: true,
        public: false,
        also: &[],
    },
    Library {
        name: "Authlib",
        command: &[PYTHON, "tests/clients/python/authlib_client.py"],
        confidential: true,
        public: true,
        also: &["token_exchange"],
    },
    Library {
        name: "requests-oauthlib",
        command: &[PYTHON, "tests/clients/python/requests_oauthlib_client.py"],
        confidential: true,
        public: true,
        also: &[],
    },
    Library {
        name: "golang.org/x/oauth2",
        command: &[".local/clients/go/client"],
        confidential: true,
        public: true,
        also: &["device_code"],
    },
];

const SCOPE: &str = "red5-publisher room:studio-1 transport:RTMP";
const API: &str = "https://bridge.example/api";

/// A bridge as its clients reach it, and one beside it with the usual address, by which it is
/// administered.
struct Stage {
    usual: TestBridge,
    bridge: TestBridge,
    /// The public URL of `bridge`.
    issuer: String,
}

impl Stage {
    async fn new() -> Self {
        let usual = TestBridge::start().await;
        usual
            .map(
                "crew",
                &["red5-publisher"],
                &["RTMP", "WHIP"],
                &["studio-1", "studio-2"],
            )
            .await;
        usual.provider.person("ann").groups(["crew"]);
        let issuer = Place::free().issuer();
        let address = issuer.strip_prefix("http://").unwrap();
        let bridge = usual
            .beside(&[
                ("BRIDGE_LISTEN", address),
                ("BRIDGE_PUBLIC_URL", issuer.as_str()),
                ("OIDC_EXCHANGE_AUDIENCES", API),
            ])
            .await;
        Self {
            usual,
            bridge,
            issuer,
        }
    }

    /// Registers a client; its secret, if it has one.
    async fn client(&self, id: &str, kind: &str, redirect_uri: &str) -> Option<String> {
        let client = json!({
            "id": id, "name": "Studio", "kind": kind, "redirect_uris": [redirect_uri],
            "grants": ["authorization_code", "refresh_token", "device_code", "token_exchange"],
        });
        let admin = self.usual.admin().await;
        let answer = admin.api("POST", "/api/admin/clients", &client).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()["secret"].as_str().map(str::to_owned)
    }

    /// Plays Ann at the browser: signs in at the provider, consents, and says where the browser was
    /// sent in the end.
    async fn browse(&self, browser: &mut Browser, address: &str, redirect_uri: &str) -> String {
        let mut at = Url::parse(address).unwrap();
        for _ in 0..10 {
            if at.as_str().starts_with(redirect_uri) {
                return at.into();
            }
            if !at.as_str().starts_with(&self.issuer) {
                at = self.bridge.provider.approve(&at, "ann").await;
                continue;
            }
            let mut answer = browser.get(&path_of(&at)).await;
            if answer.status == 200 {
                answer = self.consent(browser, &at, &answer.body).await;
            }
            assert_eq!(answer.status, 303, "{at}: {}", answer.body);
            at = at.join(answer.header("location")).unwrap();
        }
        panic!("the browser was sent around: {at}");
    }

    /// Sends the form of the page with the first of its buttons.
    async fn consent(&self, browser: &mut Browser, at: &Url, page: &str) -> Answer {
        let (_, form) = page
            .split_once("<main")
            .unwrap()
            .1
            .split_once("<form")
            .unwrap();
        let form = form.split("</form>").next().unwrap();
        let action = attribute(form, "action").unwrap_or_else(|| path_of(at));
        let fields: Vec<(String, String)> = form
            .split("<input")
            .chain(form.split("<button").skip(1).take(1))
            .skip(1)
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
            .collect();
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        browser.post_form(&action, &fields, &self.issuer).await
    }

    /// Lets the library run with a client of this kind; what it was granted and refused, in order.
    async fn run(&self, library: &Library, settings: &Value) -> Vec<Value> {
        let mut child = Command::new(library.command[0])
            .args(&library.command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; run `scripts/clients`", library.name));
        let mut input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        writeln!(input, "{settings}").unwrap();
        let mut browser = self.bridge.browser();
        let mut told = Vec::new();
        for line in output.lines() {
            let said: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if said["step"] == "open" {
                let (address, back) = (&said["address"], &settings["redirect_uri"]);
                let (address, back) = (address.as_str().unwrap(), back.as_str().unwrap());
                let back = self.browse(&mut browser, address, back).await;
                writeln!(input, "{}", json!(back)).unwrap();
            } else if said["step"] == "show_codes" {
                let code = said["codes"]["user_code"].as_str().unwrap();
                self.bridge.approve_device(&mut browser, "ann", code).await;
                writeln!(input, "true").unwrap();
            } else {
                told.push(said);
            }
        }
        assert!(
            child.wait().unwrap().success(),
            "{}: {told:?}",
            library.name
        );
        told
    }

    /// Whether Red5 lets the token publish by RTMP in the room that was named, and nowhere else.
    fn serves(&self, token: &str) -> bool {
        let red5 = Red5 {
            secret: RED5_SECRET.as_bytes().to_vec(),
            ttl_minutes: 60,
            expected_issuer: None,
        };
        Profile::all().all(|profile| {
            let connection = red5.connect(profile, token, self.bridge.now()).unwrap();
            connection.may(Operation::Publish, "RTMP", "live/studio-1/cam")
                && !connection.may(Operation::Publish, "RTMP", "live/studio-2/cam")
        })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let value = rest.split('"').next()?;
    Some(value.replace("&amp;", "&").replace("&#38;", "&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_library_completes_its_flows() {
    let stage = Stage::new().await;
    let (web, loopback) = ("https://studio.example/back", "http://127.0.0.1:49152/back");
    let secret = stage.client("studio-server", "confidential", web).await;
    assert!(secret.is_some());
    // RFC 8252 §7.3: the port is chosen when the program runs.
    let registered = "http://127.0.0.1/back";
    assert_eq!(stage.client("studio-app", "public", registered).await, None);
    for library in &LIBRARIES {
        for (is_wanted, id, secret, redirect_uri) in [
            (library.confidential, "studio-server", &secret, web),
            (library.public, "studio-app", &None, loopback),
        ] {
            if !is_wanted {
                continue;
            }
            let of_ann = stage.bridge.provider.id_token("ann", |token| token);
            let at_jwt = stage
                .bridge
                .provider
                .jwt_access_token("ann", API, |token| token);
            let kind = |word: &str| format!("urn:ietf:params:oauth:token-type:{word}");
            let settings = json!({
                "issuer": stage.issuer, "client_id": id, "client_secret": secret,
                "redirect_uri": redirect_uri, "scope": SCOPE, "device": library.also.contains(&"device_code") && secret.is_none(), "subject_tokens": [
                    {"token": of_ann, "type": kind("id_token")},
                    {"token": at_jwt, "type": kind("access_token")},
                ],
            });
            let told = stage.run(library, &settings).await;
            let name = format!("{} as {id}", library.name);
            let steps: Vec<String> = told
                .iter()
                .map(|said| {
                    let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
                    format!("{} {}{}", word("step"), word("grant"), word("error"))
                })
                .collect();
            let mut expected = vec![
                "granted authorization_code",
                "granted refresh_token",
                "refused refresh_tokeninvalid_grant",
            ];
            if library.also.contains(&"token_exchange") {
                expected.extend(["granted token_exchange"; 2]);
            }
            if settings["device"] == true {
                expected.push("granted device_code");
            }
            assert_eq!(steps, expected, "{name}");
            for said in &told {
                if let Some(token) = said["answer"]["access_token"].as_str() {
                    assert!(stage.serves(token), "{name} {said}");
                    let scope = &said["answer"]["scope"];
                    let words: Vec<&str> = SCOPE.split(' ').collect();
                    assert!(*scope == SCOPE || *scope == json!(words), "{name} {scope}");
                }
            }
        }
    }
}
