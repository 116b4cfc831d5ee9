//! A provider that turns on us: everything that it can do wrong, one thing at a time,
//! through the whole bridge.
//!
//! A case is a name and what the provider does. What must come of it is the same for
//! all (see [`Siege::ends_well`]): no session starts, the page says so with the
//! status of its kind, the provider is asked no more than it would be otherwise and
//! not read to an end that never comes, and the next honest person gets in.

mod discovery;
mod endpoints;
mod id_token_faults;
mod id_tokens;
mod keys;

mod token_answer;
mod transport;
mod userinfo;

use std::sync::Arc;
use std::time::Duration;

use red5_bridge::clock::Clock;
use red5_bridge::oidc::Pace;
use serde_json::json;

use crate::bridge::{Answer, Browser, TestBridge, path_of};
use crate::database::new_database;
use crate::eventually::eventually;
use crate::provider::{CLIENT_ID, CLIENT_SECRET, Endpoint, IdToken, Key, Provider, Request};

/// Everything is read anew each time, so that each case meets a bridge that knows
/// nothing of the one before.
const PACE: Pace = Pace {
    connect_timeout: Duration::from_secs(3),
    request_timeout: Duration::from_secs(8),
    begin_timeout: Duration::from_secs(8),
    keys_refetch_interval: Duration::ZERO,
    keys_max_age: Duration::ZERO,
    retry_interval: Duration::from_millis(50),
    failure_kept: Duration::from_millis(50),
    rediscover_interval: Duration::from_hours(1),
    rest_first: Duration::ZERO,
    rest_max: Duration::ZERO,
};

/// The same with little patience, for a provider that hangs.
const IMPATIENT: Pace = Pace {
    request_timeout: Duration::from_millis(1500),
    ..PACE
};

/// Most bytes taken off answers of a gigabyte or without end: the limit is a mebibyte,
/// the rest is what both sides' sockets hold, a few times where documents are asked for
/// again.
const FLOOD_MAX: usize = 100 * 1024 * 1024;

/// What a provider does wrong.
struct Case {
    name: String,
    does: Box<dyn FnOnce(&Provider) + Send>,
}

fn case(name: impl Into<String>, does: impl FnOnce(&Provider) + Send + 'static) -> Case {
    Case {
        name: name.into(),
        does: Box::new(does),
    }
}

/// What the person sees of it.
#[derive(Clone, Copy)]
struct Refusal {
    status: u16,
    says: [&'static str; 2],
}

/// The provider answered, and must not be believed.
const NOT_BELIEVED: Refusal = Refusal {
    status: 400,
    says: ["<code>answer_refused</code>", "did not pass the checks"],
};
/// The provider said more than an ID token may hold.
const TOO_LARGE: Refusal = Refusal {
    status: 400,
    says: ["<code>id_token_too_large</code>", "larger than 64 KB"],
};
/// The provider did not answer as it has to.
const FAILED: Refusal = Refusal {
    status: 502,
    says: [
        "<code>provider_failed</code>",
        "or failed while signing you in",
    ],
};
/// Nothing good is known of the provider, so no sign-in begins.
const NOT_BEGUN: Refusal = Refusal {
    status: 503,
    says: ["Your identity provider cannot be reached", "Try again"],
};

/// A bridge, and a provider whose honest side is described by `honest`.
struct Siege {
    bridge: TestBridge,
    honest: fn(&Provider),
}

/// Ann, with her group in the ID token.
fn ann(provider: &Provider) {
    provider.person("ann").groups(["viewers"]);
}

/// Ann, whose group userinfo alone tells.
fn ann_at_userinfo(provider: &Provider) {
    let person = provider.person("ann");
    person.userinfo_claim("groups", json!(["viewers"]));
}

impl Siege {
    async fn lay(honest: fn(&Provider)) -> Self {
        Self::lay_with(PACE, Provider::start_with, honest).await
    }

    async fn lay_with(
        pace: Pace,
        start: impl FnOnce(Arc<dyn Clock>) -> Provider,
        honest: fn(&Provider),
    ) -> Self {
        let bridge = TestBridge::start_at(&new_database().await, &[], pace, start).await;
        Self { bridge, honest }
    }

    /// Each case by itself; says which went wrong, and how.
    async fn withstands(&self, refusal: Refusal, cases: Vec<Case>) {
        let provider = &self.bridge.provider;
        let mut fallen = Vec::new();
        for Case { name, does } in cases {
            provider.reset();
            (self.honest)(provider);
            does(provider);
            if let Err(why) = self.ends_well(refusal).await {
                fallen.push(format!("{name}: {why}"));
            }
        }
        assert!(fallen.is_empty(), "{}", fallen.join("\n"));
    }

    /// A sign-in while the provider misbehaves, and one when it behaves again.
    async fn ends_well(&self, refusal: Refusal) -> Result<(), String> {
        let provider = &self.bridge.provider;
        let before = self.bridge.count("sessions").await;
        let mut browser = self.bridge.browser();
        let answer = try_to_sign_in(provider, &mut browser).await;
        let requests = provider.requests();
        let flooded = provider.reset();

        seen(&answer, refusal)?;
        no_session(&answer, &browser).await?;
        if self.bridge.count("sessions").await != before {
            return Err("a session was written".to_owned());
        }
        few(&requests, refusal)?;
        if flooded > FLOOD_MAX {
            return Err(format!("{flooded} bytes were read"));
        }
        self.lets_the_next_one_in(before).await
    }

    async fn lets_the_next_one_in(&self, before: i64) -> Result<(), String> {
        (self.honest)(&self.bridge.provider);
        // A document that was bad is not asked for again at once.
        let answer = eventually("a sign-in begins", async || {
            let mut browser = self.bridge.browser();
            let answer = try_to_sign_in(&self.bridge.provider, &mut browser).await;
            (answer.status != NOT_BEGUN.status).then_some(answer)
        })
        .await;
        if answer.status == 303 && self.bridge.count("sessions").await == before + 1 {
            Ok(())
        } else {
            Err(format!("the next one is kept out: {}", shown(&answer)))
        }
    }
}

/// The last answer: the callback's, or that no sign-in begins.
async fn try_to_sign_in(provider: &Provider, browser: &mut Browser) -> Answer {
    let begun = browser.get("/auth/login").await;
    if begun.status != 303 {
        return begun;
    }
    let back = provider.approve(&begun.location(), "ann").await;
    browser.get(&path_of(&back)).await
}

/// A page of ours in its own words.
fn seen(answer: &Answer, refusal: Refusal) -> Result<(), String> {
    let page = answer.status == refusal.status
        && answer.header("content-type") == "text/html; charset=utf-8"
        && refusal.says.iter().all(|words| answer.body.contains(words));
    if page { Ok(()) } else { Err(shown(answer)) }
}

/// Status and heading, for a failure that can be read.
fn shown(answer: &Answer) -> String {
    let (_, rest) = answer.body.split_once("<main").unwrap_or_default();
    let code = rest.split("<code>").nth(1).unwrap_or_default();
    let code = code.split('<').next().unwrap_or_default();
    let location = answer.headers.get("location");
    format!("{} {code} {location:?}", answer.status)
}

async fn no_session(answer: &Answer, browser: &Browser) -> Result<(), String> {
    let cookie = answer
        .set_cookies()
        .iter()
        .any(|line| line.contains("bridge_session"));
    if cookie || browser.session().is_some() || browser.peek("/api/session").await.status != 401 {
        return Err("there is a session".to_owned());
    }
    Ok(())
}

/// A sign-in asks each endpoint once; the keys a second time when none fits (JW-5).
/// Where nothing good is known of the provider, its documents are asked for every now
/// and then beside the sign-ins.
fn few(requests: &[Request], refusal: Refusal) -> Result<(), String> {
    let documents = if refusal.status == NOT_BEGUN.status {
        usize::MAX
    } else {
        2
    };
    for (endpoint, most) in [
        (Endpoint::Discovery, documents),
        (Endpoint::Jwks, documents),
        (Endpoint::Token, 1),
        (Endpoint::Userinfo, 1),
        (Endpoint::EndSession, 0),
        (Endpoint::Elsewhere, 0),
    ] {
        let asked = requests
            .iter()
            .filter(|one| one.endpoint == endpoint)
            .count();
        if asked > most {
            return Err(format!("{endpoint:?} was asked {asked} times"));
        }
    }
    Ok(())
}
