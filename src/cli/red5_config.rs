//! The lines of Red5's `red5-web.properties` that fit this configuration.
//!
//! Java reads such a file in its own way (`java.util.Properties.load`): a
//! backslash escapes, a space or a `#` at the beginning of a value is lost or
//! means something else, and everything beyond ISO-8859-1 has to be written as
//! UTF-16 escapes. A secret with one wrong byte is another secret, so the lines
//! are made here, and a test reads them with Java.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use crate::config::red5::Red5;

const HEAD: &str = "\
# webapps/live/WEB-INF/red5-web.properties, as this bridge needs it. red5-web.xml beside it has to
# use these properties: its beans jwtAuthenticator and simpleAuthSecurity are comments at first.
# On Stream Manager 2.0 nodes set the same properties by property overrides.
# Restart Red5 and the bridge together when the secret changes: Red5 knows one at a time.
";

/// Switches that fail open, each with what is open without it.
const SWITCHES: &str = "
# false: every client publishes and watches without a token, by every protocol.
auth.active=true
# false, for each of the five: clients of that protocol need no token, whatever tokens say. The
# last two are off by default. rtc is WebRTC: WHIP and WHEP.
auth.rtmp=true
auth.rtsp=true
auth.rtc=true
auth.srt=true
auth.mpegts=true
# false: OBS, ffmpeg and others that send the token in the address are refused.
auth.rtmpAllowQueryParamsEnabled=true
# false: over RTMP a token for one room opens every room.
auth.rtmpAuthRoomScopeEnabled=true
# Red5 does not document what another value than its default, which is empty, leaves open.
auth.rtmpAuthRoomScopeName=
";

/// What Spring, which reads the file for Red5, replaces by something else.
const REPLACED: [&str; 2] = ["${", "#{"];

/// The file's lines. Without `show_secret` the secret's is a comment: a masked
/// value would be pasted as if it were the secret.
pub fn text(red5: &Red5, show_secret: bool) -> String {
    let secret = secret(red5);
    let mut text = HEAD.to_owned();
    if red5.secret_is_base64 {
        text += "# RED5_JWT_SECRET_ENCODING=base64: right only where the server decodes it. Red5 itself\n\
                 # takes the characters as they are (RED5_JWT_SECRET_ENCODING=utf8).\n";
    }
    warn_of_replacement(&mut text, "jwt.secret", &secret);
    if show_secret {
        line(&mut text, "jwt.secret", &secret);
    } else {
        text += "# jwt.secret is RED5_JWT_SECRET; red5-bridge red5-config --show-secret writes it here.\n";
    }
    push_ttl(&mut text, red5);
    match &red5.issuer {
        Some(issuer) => {
            warn_of_replacement(&mut text, "jwt.issuer", issuer);
            line(&mut text, "jwt.issuer", issuer);
        }
        None => {
            text += "# jwt.issuer must not be set there while RED5_JWT_ISSUER is not set here.\n";
        }
    }
    text + SWITCHES
}

/// The server's limit is just above our longest token, because that follows from the limit; where apps
/// ask for no longer tokens than the usual, both can be lower.
fn push_ttl(text: &mut String, red5: &Red5) {
    let minutes = red5.server_ttl_seconds / 60;
    let longest = red5.longest_ttl_seconds;
    let skew = red5.server_ttl_seconds - longest;
    let usual = red5.token_ttl_seconds;
    let enough = (usual + skew).div_ceil(60);
    let _ = writeln!(
        text,
        "# Without a limit a token of another holder of the secret could live for years. Ours live {longest} seconds\n\
         # at most, which leaves {skew} for clocks that differ."
    );
    if enough < minutes {
        let _ = writeln!(
            text,
            "# Usually they live {usual}: if no app asks for more, set RED5_JWT_TTL_MINUTES={enough} here, and {enough} there."
        );
    }
    line(text, "jwt.ttl.minutes", &minutes.to_string());
}

/// As it was configured: base64 is decoded by the server once more.
fn secret(red5: &Red5) -> String {
    let bytes = red5.secret.expose_secret();
    if red5.secret_is_base64 {
        // Only canonical base64 is taken, so this is what was read.
        STANDARD.encode(bytes)
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    }
}

fn warn_of_replacement(text: &mut String, name: &str, value: &str) {
    if REPLACED.iter().any(|begin| value.contains(begin)) {
        let _ = writeln!(
            text,
            "# Beware: {name} holds ${{ or #{{, which Spring replaces when Red5 starts. Choose a value without."
        );
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name}={}", escaped(value));
}

/// A value as `java.util.Properties.store` writes it.
fn escaped(value: &str) -> String {
    let mut line = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        match c {
            ' ' if at == 0 => line += "\\ ",
            '\t' => line += "\\t",
            '\n' => line += "\\n",
            '\r' => line += "\\r",
            '\u{c}' => line += "\\f",
            '\\' | '=' | ':' | '#' | '!' => line.extend(['\\', c]),
            ' '..='~' => line.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(line, "\\u{unit:04X}");
                }
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_1_a_value_is_escaped_as_java_reads_it() {
        for (value, line) in [
            ("plain-secret_1", "plain-secret_1"),
            (" a b ", "\\ a b "),
            ("a\\b", "a\\\\b"),
            ("#!=:", "\\#\\!\\=\\:"),
            ("a\tb\nc\rd\u{c}", "a\\tb\\nc\\rd\\f"),
            (
                "é佐😀\u{7f}\0",
                "\\u00E9\\u4F50\\uD83D\\uDE00\\u007F\\u0000",
            ),
        ] {
            assert_eq!(escaped(value), line);
        }
    }
}
