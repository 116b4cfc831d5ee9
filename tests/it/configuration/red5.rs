//! What belongs to the streaming server: the secret, lifetimes, its address.

use super::{each_is_refused, good, wrong};

#[test]
fn r5_1_a_secret_is_long_enough_and_no_sample() {
    let samples = [
        "changeme-to-a-strong-32-byte-secret-key",
        "ChangeMe-To-A-Strong-32-Byte-Secret-Key",
        "prefix-changeme-changeme-changeme-suffix",
        "your-secret-your-secret-your-secret-your",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    each_is_refused("RED5_JWT_SECRET", &samples);
    each_is_refused(
        "RED5_JWT_SECRET",
        &[
            "4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0",
            "x",
            "                                        ",
            " 4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b",
            "4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b\n",
            "4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b\u{a0}",
        ],
    );
    // 32 characters are 24 bytes; and the sample's own base64 is the sample.
    let base64 = ("RED5_JWT_SECRET_ENCODING", "base64");
    for secret in [
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "not base64 at all, but it is long enough",
        "Y2hhbmdlbWUtdG8tYS1zdHJvbmctMzItYnl0ZS1zZWNyZXQta2V5",
    ] {
        assert_eq!(
            wrong(&[("RED5_JWT_SECRET", secret), base64]),
            ["RED5_JWT_SECRET"],
            "{secret}"
        );
    }
    each_is_refused(
        "RED5_JWT_SECRET_ENCODING",
        &["hex", "UTF8", "utf-8", "Base64", "auto"],
    );
    // 31 bytes are one short, 32 are enough.
    let secret = "0123456789abcdefghijklmnopqrstuv";
    good(&[("RED5_JWT_SECRET", secret)]);
    each_is_refused("RED5_JWT_SECRET", &[&secret[..31]]);
}

#[test]
fn r5_2_a_lifetime_fits_between_a_minute_and_the_servers_limit() {
    each_is_refused(
        "RED5_TOKEN_TTL_SECONDS",
        &[
            "59",
            "0",
            "-1",
            "9223372036854775808",
            "3571",
            "300s",
            "5.0",
        ],
    );
    let bounds = |minutes, skew, ttl| {
        [
            ("RED5_JWT_TTL_MINUTES", minutes),
            ("RED5_CLOCK_SKEW_SECONDS", skew),
            ("RED5_TOKEN_TTL_SECONDS", ttl),
        ]
    };
    assert_eq!(
        good(&bounds("60", "30", "3570")).red5.token_ttl_seconds,
        3570
    );
    assert_eq!(good(&bounds("2", "60", "60")).red5.longest_ttl_seconds, 60);
    assert_eq!(
        good(&bounds("525600", "0", "31536000"))
            .red5
            .token_ttl_seconds,
        31_536_000
    );
    // The usual 300 seconds are shortened where the server allows less.
    assert_eq!(good(&bounds("2", "30", "")).red5.token_ttl_seconds, 90);
    assert_eq!(wrong(&bounds("2", "61", "")), ["RED5_CLOCK_SKEW_SECONDS"]);
    assert_eq!(
        wrong(&bounds("60", "3600", "")),
        ["RED5_CLOCK_SKEW_SECONDS"]
    );
    assert_eq!(wrong(&bounds("5", "0", "301")), ["RED5_TOKEN_TTL_SECONDS"]);
}

#[test]
fn sc_1_the_streaming_server_and_the_log() {
    each_is_refused(
        "RED5_SERVER_KIND",
        &["Standalone", "stream_manager", "cluster"],
    );
    let long = "g".repeat(129);
    each_is_refused("RED5_NODE_GROUP", &["a b", "a&b", "a'b", "é", "a/b", &long]);
    good(&[
        ("RED5_NODE_GROUP", &long[1..]),
        ("RED5_SERVER_KIND", "stream-manager"),
    ]);
    each_is_refused("RED5_ROUND_TRIP_ROOM", &["Refuse", "any", "on"]);
    each_is_refused("RED5_SUBJECT", &["Subject", "sub", "email"]);
    each_is_refused("LOG_FORMAT", &["JSON", "xml"]);
    each_is_refused(
        "RED5_SERVER_URL",
        &[
            "red5.example/live",
            "https://red5.example",
            "https://red5.example/",
            "https://red5.example/live?x",
            "https://red5.example/live#x",
            "https://user@red5.example/live",
            "https://red5.example/a b",
            "rtmp://red5.example/live",
        ],
    );
}
