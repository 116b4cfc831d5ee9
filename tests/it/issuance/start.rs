//! R5-1, R5-2: with a secret that protects nothing, or a lifetime that Red5
//! would refuse, the program does not start, says which variable it is, and
//! does not repeat what it holds.

use crate::process::refused_start;

fn refusal(variables: &[(&str, &str)]) -> String {
    let output = refused_start(variables);
    assert_eq!(output.status.code(), Some(1), "{variables:?}");
    let mut said = String::from_utf8(output.stdout).unwrap();
    said.push_str(&String::from_utf8(output.stderr).unwrap());
    said
}

#[test]
fn r5_1_a_weak_secret_keeps_it_from_starting() {
    for secret in [
        "kX9-31-bytes-and-not-one-more-0",
        "changeme-to-a-strong-32-byte-secret-key",
        "CHANGEME-to-a-strong-32-byte-secret-key",
        " 4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b3a4f",
        "4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d1c2b3a4f\t",
        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    ] {
        let said = refusal(&[("RED5_JWT_SECRET", secret)]);
        assert!(said.contains("RED5_JWT_SECRET: "), "{said}");
        assert!(!said.contains(secret.trim()), "{said}");
    }
    assert!(refusal(&[("RED5_JWT_SECRET", "")]).contains("RED5_JWT_SECRET"));
}

#[test]
fn r5_1_what_counts_are_the_bytes_after_decoding() {
    // 43 characters of base64, 31 bytes.
    let short = "MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dQ==";
    for secret in [short, "not base64 at all, but longer than 32 bytes"] {
        let said = refusal(&[
            ("RED5_JWT_SECRET", secret),
            ("RED5_JWT_SECRET_ENCODING", "base64"),
        ]);
        assert!(said.contains("RED5_JWT_SECRET: "), "{said}");
        assert!(!said.contains(secret), "{said}");
    }
    let said = refusal(&[("RED5_JWT_SECRET_ENCODING", "guess")]);
    assert!(said.contains("RED5_JWT_SECRET_ENCODING"), "{said}");
}

#[test]
fn r5_2_a_lifetime_that_red5_refuses_keeps_it_from_starting() {
    for seconds in [
        "59",
        "0",
        "-1",
        "3571",
        "9223372036854775808",
        "300.5",
        "5m",
    ] {
        let said = refusal(&[("RED5_TOKEN_TTL_SECONDS", seconds)]);
        assert!(said.contains("RED5_TOKEN_TTL_SECONDS: "), "{said}");
    }
    for minutes in ["0", "-1", "9223372036854775808"] {
        let said = refusal(&[("RED5_JWT_TTL_MINUTES", minutes)]);
        assert!(said.contains("RED5_JWT_TTL_MINUTES: "), "{said}");
    }
    let said = refusal(&[
        ("RED5_JWT_TTL_MINUTES", "2"),
        ("RED5_CLOCK_SKEW_SECONDS", "61"),
    ]);
    assert!(said.contains("RED5_CLOCK_SKEW_SECONDS: "), "{said}");
}
