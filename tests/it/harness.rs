//! Two real instances behind a round-robin, on a Postgres of their own that can be stopped,
//! killed, paused and restarted, each over a way that can be cut, frozen or lose what the
//! database says. Faults are put in while people work.

mod delays;
mod failover;
mod faults;
mod freshness;
mod groups;
mod postgres;
mod round_robin;
mod stops;
mod work;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bridge::{ADMIN_GROUP, Browser, path_of};
use crate::database::{as_served, prepare};
use crate::database_way::Proxy;
use crate::process::Process;
use crate::provider::{Provider, Rotation};
use postgres::Postgres;

/// `BRIDGE_MAX_STALENESS_SECONDS` of the instances.
const BOUND: Duration = Duration::from_secs(2);

/// The whole.
struct House {
    postgres: Postgres,
    ways: [Proxy; 2],
    bridges: [Process; 2],
    /// Leads each connection to the next instance.
    front: String,
    provider: Arc<Provider>,
}

impl House {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(more: &[(&str, &str)]) -> Self {
        let postgres = Postgres::start().await;
        // The instances; the tests' own hand stays the owner's (SC-4).
        prepare(&postgres.url()).await;
        let serving = as_served(&postgres.url());
        let ways = [Proxy::start(&serving).await, Proxy::start(&serving).await];
        let provider = Arc::new(Provider::start());
        provider.give_refresh_tokens(Rotation::Each);
        let mut variables = vec![("BRIDGE_MAX_STALENESS_SECONDS", "2")];
        variables.extend(more);
        let start = |way: &Proxy| {
            let (url, provider, variables) =
                (way.url.clone(), Arc::clone(&provider), variables.clone());
            async move { Process::start_with_provider(&url, &provider, &variables).await }
        };
        let bridges = [start(&ways[0]).await, start(&ways[1]).await];
        let front =
            round_robin::start(bridges.each_ref().map(|bridge| bridge.address.clone())).await;
        let house = Self {
            postgres,
            ways,
            bridges,
            front,
            provider,
        };
        for bridge in &house.bridges {
            Browser::new(&bridge.address).ready().await;
        }
        house
    }

    /// A browser in front of the round-robin in which `person` is signed in.
    async fn signed_in(&self, person: &str) -> Browser {
        let mut browser = Browser::without_keep_alive(&self.front);
        assert!(self.sign_in(&mut browser, person).await);
        browser
    }

    /// Whether it worked.
    async fn sign_in(&self, browser: &mut Browser, person: &str) -> bool {
        let begun = browser.get("/auth/login").await;
        if begun.status != 303 {
            return false;
        }
        let back = self.provider.approve(&begun.location(), person).await;
        browser.get(&path_of(&back)).await.status == 303
    }

    /// The ways lead to where Postgres is now.
    fn find_postgres(&self) {
        for way in &self.ways {
            way.lead_to(&self.postgres.url());
        }
    }

    async fn admin(&self) -> Browser {
        self.provider.person("root").groups([ADMIN_GROUP]);
        self.signed_in("root").await
    }

    /// Ann's mapping, as `room-0`.
    async fn map(&self, admin: &Browser) -> Value {
        let answer = admin.api("POST", "/api/admin/mappings", &mapping(0)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }
}

/// What edit number `n` makes of the mapping.
fn mapping(n: u64) -> Value {
    json!({
        "group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
        "transports": ["WHEP"], "rooms": [format!("room-{n}")],
    })
}

/// The number of the edit that a token was made by.
fn number_of(token: &Value) -> u64 {
    let room = token["rooms"][0].as_str().unwrap();
    room.strip_prefix("room-").unwrap().parse().unwrap()
}
