//! What the bridge is told about the proxies and apps in front of it.

use super::{each_is_refused, good};

#[test]
fn sc_1_trusted_proxies_are_networks_that_say_what_was_meant() {
    each_is_refused(
        "BRIDGE_TRUSTED_PROXIES",
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
fn sc_1_rate_limits_are_on_unless_they_are_switched_off() {
    each_is_refused(
        "BRIDGE_RATE_LIMITS",
        &["0", "false", "OFF", "no", "none", "10/s"],
    );
    assert!(good(&[]).rate_limits);
    assert!(good(&[("BRIDGE_RATE_LIMITS", "on")]).rate_limits);
    assert!(!good(&[("BRIDGE_RATE_LIMITS", "off")]).rate_limits);
}
