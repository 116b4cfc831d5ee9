//! The buckets by themselves, with a clock that the test moves (AV-1).

use std::net::Ipv4Addr;

use actix_web::test::TestRequest;
use governor::clock::FakeRelativeClock;
use serde_json::json;

use super::*;
use crate::config::addresses::Networks;
use crate::domain::client::ClientDraft;

fn limiters() -> (FakeRelativeClock, Limiters<FakeRelativeClock>) {
    let clock = FakeRelativeClock::default();
    let limiters = Limiters::new(&clock, &Buckets::new());
    (clock, limiters)
}

fn at(address: &str) -> Asker {
    Asker::Network(client_ip::network_of(address.parse().unwrap()))
}

/// How many are taken in a row.
fn taken(limiters: &Limiters<FakeRelativeClock>, rule: Rule, asker: Asker) -> u32 {
    let mut count = 0;
    while limiters.check(rule, asker).is_ok() {
        count += 1;
    }
    count
}

#[test]
fn av_1_a_rule_lets_its_burst_through_and_then_so_many_a_second() {
    for rule in Rule::VARIANTS.iter().copied() {
        let (clock, limiters) = limiters();
        let (burst, per_second) = rule.numbers();
        let asker = at("192.0.2.1");
        assert_eq!(taken(&limiters, rule, asker), burst, "{rule:?}");
        let again = limiters.check(rule, asker);
        assert_eq!(again, Err(TooMany { retry_after: 1 }), "{rule:?}");
        clock.advance(Duration::from_secs(1));
        assert_eq!(taken(&limiters, rule, asker), per_second, "{rule:?}");
        clock.advance(FORGOTTEN_AFTER);
        assert_eq!(
            taken(&limiters, rule, asker),
            burst,
            "{rule:?} is full when it is forgotten"
        );
    }
}

#[test]
fn av_1_in_the_clock_that_counts_time_goes_on() {
    let limiters = Limiters::new(&SinceStart(Instant::now()), &Buckets::new());
    let asker = at("192.0.2.1");
    while limiters.check(Rule::Token, asker).is_ok() {}
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(limiters.check(Rule::Token, asker), Ok(()));
}

#[test]
fn av_1_rules_and_askers_are_counted_each_by_itself() {
    let (_, limiters) = limiters();
    taken(&limiters, Rule::Login, at("192.0.2.1"));
    for (rule, asker) in [
        (Rule::Login, at("192.0.2.2")),
        (Rule::Callback, at("192.0.2.1")),
        (Rule::Authorize, at("192.0.2.1")),
        (Rule::Login, Asker::Session([1; 32])),
    ] {
        assert_eq!(limiters.check(rule, asker), Ok(()), "{rule:?} {asker:?}");
    }
}

#[test]
fn av_1_an_ipv6_network_of_64_bits_is_one_asker() {
    assert_eq!(
        at("2001:db8:1:2::1"),
        at("2001:db8:1:2:ffff:ffff:ffff:ffff")
    );
    assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
    assert_ne!(at("2001:db8::1"), at("::1"));
    assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    assert_ne!(at("::ffff:192.0.2.1"), at("::ffff:192.0.2.2"));
}

fn oauth_client(id: &str, kind: &str) -> Client {
    let sent = json!({"id": id, "name": "A client", "kind": kind, "grants": ["token_exchange"]});
    let (id, draft) = ClientDraft::parse(sent.as_object().unwrap().clone()).unwrap();
    let at = chrono::DateTime::UNIX_EPOCH;
    Client {
        id: id.unwrap(),
        draft,
        version: 1,
        created_at: at,
        created_by: String::new(),
        updated_at: at,
        updated_by: String::new(),
    }
}

#[test]
fn av_1_an_oauth_client_has_a_rate_of_its_own_and_a_public_one_by_address() {
    let limits = RateLimits::new(true);
    let from = |address: &str| {
        let proxies = web::Data::new(client_ip::TrustedProxies(Networks::default()));
        TestRequest::default()
            .app_data(proxies)
            .peer_addr(format!("{address}:4711").parse().unwrap())
            .to_http_request()
    };
    let (here, there) = (from("192.0.2.1"), from("192.0.2.2"));
    let exhaust = |client: &Client| {
        let burst = (0..100_000).take_while(|_| limits.check_oauth_client(client, &here).is_ok());
        let burst = burst.count();
        assert!((1199..100_000).contains(&burst), "{burst}");
    };
    let (public, service) = (
        oauth_client("app", "public"),
        oauth_client("service", "confidential"),
    );
    exhaust(&public);
    assert!(limits.check_oauth_client(&public, &there).is_ok());
    assert!(limits.check_oauth_client(&service, &here).is_ok());
    exhaust(&service);
    assert!(limits.check_oauth_client(&service, &there).is_err());
    let other = oauth_client("other", "confidential");
    assert!(limits.check_oauth_client(&other, &here).is_ok());
}

/// Four times the places; a million show the same and take a minute here.
#[test]
fn av_1_many_addresses_take_no_more_places_than_there_are() {
    let buckets = Buckets::new();
    let limiters = Limiters::new(&FakeRelativeClock::default(), &buckets);
    for n in 0..200_000u32 {
        let address = IpAddr::from(Ipv4Addr::from_bits(n));
        assert!(limiters.check(Rule::Login, Asker::Network(address)).is_ok());
        if n % 20_000 == 0 {
            // What waits to be dropped is counted too.
            let places = usize::try_from(BUCKETS_MAX).unwrap();
            let taken = buckets.0.iter().count();
            assert!(taken <= places + places / 10, "{taken} after {n}");
        }
    }
}

#[test]
fn av_1_who_is_over_the_limit_stays_so_while_others_come_and_go() {
    let (_, limiters) = limiters();
    let flood = at("192.0.2.1");
    taken(&limiters, Rule::Login, flood);
    for n in 0..100_000u32 {
        let address = IpAddr::from(Ipv4Addr::from_bits(n));
        assert!(limiters.check(Rule::Login, Asker::Network(address)).is_ok());
        if n % 1000 == 0 {
            assert!(limiters.check(Rule::Login, flood).is_err(), "after {n}");
        }
    }
}
