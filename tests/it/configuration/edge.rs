//! What the bridge is told about the proxies and apps in front of it.

use super::{each_is_refused, good, wrong};

#[test]
fn sc_1_trusted_proxies_are_networks_that_say_what_was_meant() {
    for variable in ["BRIDGE_TRUSTED_PROXIES", "RED5_ROUND_TRIP_NETWORKS"] {
        each_is_refused(
            variable,
            &[
                "proxy.example",
                "*",
                "all",
                "private",
                "10.0.0",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0.0/",
                "10.0.0.0/255.0.0.0",
                "10.0.0.1/8",
                "fd00::1/8",
                "fd00::/129",
                "[fd00::]/8",
                "fe80::1%eth0",
                "10.0.0.0-10.0.0.255",
                "10.0.0.0/8 10.1.0.0/16",
                "10.0.0.0/8,,10.1.0.0/16",
                "0.0.0.0/0",
                "::/0",
                "10.0.0.0/8, 0.0.0.0/0",
                "::ffff:10.0.0.0/104",
                "::ffff:10.0.0.1",
                "010.0.0.0/8",
                "http://10.0.0.1",
            ],
        );
    }
    let proxies = good(&[(
        "BRIDGE_TRUSTED_PROXIES",
        "10.1.0.0/16, fd00:1::/32,192.0.2.1",
    )]);
    for (address, is_trusted) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("fd00:1::7", true),
        ("192.0.2.1", true),
        ("10.2.0.1", false),
        ("192.0.2.2", false),
        ("127.0.0.1", false),
    ] {
        let found = proxies.trusted_proxies.contain(address.parse().unwrap());
        assert_eq!(found, is_trusted, "{address}");
    }
    let json = good(&[("BRIDGE_TRUSTED_PROXIES", "[\"10.1.0.0/16\"]")]);
    assert!(json.trusted_proxies.contain("10.1.0.1".parse().unwrap()));
    for without in [good(&[]), good(&[("BRIDGE_TRUSTED_PROXIES", "")])] {
        assert!(
            !without
                .trusted_proxies
                .contain("127.0.0.1".parse().unwrap())
        );
    }
}

#[test]
fn sc_1_the_listener_for_red5_needs_networks_that_may_ask() {
    each_is_refused("BRIDGE_RED5_LISTEN", &["on", "8081", "red5.example:8081"]);
    let listen = ("BRIDGE_RED5_LISTEN", "127.0.0.1:8081");
    assert_eq!(wrong(&[listen]), ["BRIDGE_RED5_LISTEN"]);
    let config = good(&[
        listen,
        ("RED5_ROUND_TRIP_NETWORKS", "10.1.0.0/16, fd00:1::/32"),
    ]);
    assert_eq!(config.red5_listen, Some("127.0.0.1:8081".parse().unwrap()));
    let networks = &config.red5.round_trip_networks;
    assert!(networks.contain("10.1.2.3".parse().unwrap()));
    assert!(!networks.contain("127.0.0.1".parse().unwrap()));
    for off in [good(&[]), good(&[("BRIDGE_RED5_LISTEN", "off")])] {
        assert_eq!(off.red5_listen, None);
    }
}

#[test]
fn sc_1_rate_limits_are_on_unless_they_are_switched_off() {
    each_is_refused(
        "BRIDGE_RATE_LIMITS",
        &["0", "false", "OFF", "no", "none", "10/s"],
    );
    assert!(good(&[]).rate_limits);
    assert!(good(&[("BRIDGE_RATE_LIMITS", "on")]).rate_limits);
    assert!(!good(&[("BRIDGE_RATE_LIMITS", "off")]).rate_limits);
}
