//! Endpoints that keep us waiting, and sockets that speak no HTTP (JW-3, CB-11).
//!
//! Nothing here is measured in time: what hangs never ends by itself, so an answer at
//! all shows that it was given up.

use std::time::Duration;

use super::{Case, FAILED, IMPATIENT, Siege, ann, ann_at_userinfo, case};
use crate::provider::{Answer, Endpoint, Provider, Wire};

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_hours(1);

const MOMENT: Duration = Duration::from_millis(20);

fn waits() -> Vec<Case> {
    let mut cases = Vec::new();
    for endpoint in [Endpoint::Jwks, Endpoint::Token, Endpoint::Userinfo] {
        for (name, answer) in [
            ("hangs", Answer::late(FOR_EVER)),
            ("drips", Answer::drip(MOMENT)),
        ] {
            cases.push(case(
                format!("JW-3: {endpoint:?} {name}"),
                move |provider| {
                    provider.always(endpoint, answer);
                },
            ));
        }
    }
    cases
}

fn token(name: &str, wire: Wire) -> Case {
    case(format!("CB-11: {name}"), move |provider| {
        provider.wire("/token", wire);
    })
}

fn sockets() -> Vec<Case> {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";
    let ok = |rest: &[u8]| Wire::says(&[OK, rest].concat());
    let none = Duration::ZERO;
    vec![
        token("closed at once", Wire::says(b"")),
        token("not a byte, for ever", Wire::says(b"").and_hangs()),
        token("a word", Wire::says(b"hello")),
        token("HTTP/0.9", Wire::says(b"{\"id_token\":\"a.b.c\"}")),
        token(
            "HTTP/2, unasked",
            Wire::says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ),
        token("TLS, unasked", Wire::says(b"\x15\x03\x03\0\x02\x02\x46")),
        token("zeros", Wire::says(&[0; 4096])),
        token("half a status line", Wire::says(b"HTTP/1.1 20")),
        token(
            "a status that is none",
            Wire::says(b"HTTP/1.1 999999 OK\r\n\r\n"),
        ),
        token("a head without an end", ok(b"a: b\r\n")),
        token(
            "a head without an end, for ever",
            ok(b"a: b\r\n").and_hangs(),
        ),
        token(
            "a head that drips",
            ok(b"").and_repeats(b"a: b\r\n", MOMENT),
        ),
        token(
            "a head without end, at full speed",
            ok(b"").and_repeats(&b"a: bbbbbbbbbbbbbb\r\n".repeat(1000), none),
        ),
        token(
            "a header line without end",
            ok(b"a: ").and_repeats(&[b'b'; 64 * 1024], none),
        ),
        token(
            "a header with control characters",
            ok(b"a: \x01\x02\r\ncontent-length: 0\r\n\r\n"),
        ),
        token(
            "two lengths",
            ok(b"content-length: 2\r\ncontent-length: 200\r\n\r\n{}"),
        ),
        token("a negative length", ok(b"content-length: -1\r\n\r\n{}")),
        token(
            "a length beyond counting",
            ok(b"content-length: 99999999999999999999999\r\n\r\n{}"),
        ),
        token(
            "a length that never comes",
            ok(b"content-length: 100\r\n\r\n{").and_hangs(),
        ),
        token("cut off in a body", ok(b"content-length: 100\r\n\r\n{")),
        token(
            "no length and no end",
            ok(b"\r\n").and_repeats(&[b' '; 64 * 1024], none),
        ),
        token(
            "a piece of nonsense size",
            ok(b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        ),
        token(
            "a piece beyond counting",
            ok(b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        ),
        token(
            "a huge piece that never comes",
            ok(b"transfer-encoding: chunked\r\n\r\n7fffffff\r\n{").and_hangs(),
        ),
        token(
            "cut off in a piece",
            ok(b"transfer-encoding: chunked\r\n\r\nff\r\n{"),
        ),
        token(
            "pieces without end",
            ok(b"transfer-encoding: chunked\r\n\r\n").and_repeats(b"1\r\n \r\n", none),
        ),
        token(
            "pieces with endless words beside them",
            ok(b"transfer-encoding: chunked\r\n\r\n1;").and_repeats(&[b'x'; 64 * 1024], none),
        ),
        token(
            "trailers without end",
            ok(b"transfer-encoding: chunked\r\n\r\n0\r\n")
                .and_repeats(&b"a: bbbbbbbbbb\r\n".repeat(1000), none),
        ),
        token(
            "100 again and again",
            Wire::says(b"").and_repeats(b"HTTP/1.1 100 Continue\r\n\r\n", none),
        ),
        token(
            "another protocol",
            Wire::says(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            )
            .and_hangs(),
        ),
    ]
}

#[tokio::test]
async fn jw_3_and_cb_11_an_endpoint_that_never_ends_is_given_up() {
    let siege = Siege::lay_with(IMPATIENT, Provider::start_with, ann_at_userinfo).await;
    siege.withstands(FAILED, waits()).await;
}

#[tokio::test]
async fn cb_11_a_socket_that_speaks_no_http_starts_no_session() {
    let siege = Siege::lay_with(IMPATIENT, Provider::start_behind_front, ann).await;
    siege.withstands(FAILED, sockets()).await;
}
