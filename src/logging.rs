//! The log: one event a line, on standard error, in UTC.
//!
//! `docs/logging.md` lists the events. What comes from outside may hold line
//! ends or control sequences, in a field of ours or in a library's error;
//! [`LineWriter`] is the last place that every line passes, so it is made safe
//! there once for all (LG-3). A panic is an event like any other, without what
//! the panic says: its text may hold anything ([`install`]).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::panic::Location;

use tracing_subscriber::EnvFilter;

use crate::visible::{is_hidden, visible};

/// Without `RUST_LOG`: our own events, and of the libraries what went wrong.
pub const DEFAULT_FILTER: &str = "warn,red5_bridge=info,sqlx::postgres::notice=error";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Begins to log, and makes panics events of the log. `filter` is `RUST_LOG`,
/// judged before ([`is_filter`]).
///
/// # Errors
/// When a log was begun before.
pub fn install(format: LogFormat, filter: &str) -> Result<(), AlreadyBegun> {
    let filter = EnvFilter::new(filter);
    // No colours: a line that holds a control character is then always a forged one.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(move || LineWriter {
            format,
            out: io::stderr(),
        });
    let begun = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .try_init(),
    };
    std::panic::set_hook(Box::new(|panic| tell_panic(panic.location())));
    begun.map_err(|_| AlreadyBegun)
}

/// A log was begun before in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log was begun before")]
pub struct AlreadyBegun;

/// Whether `text` can be read as `RUST_LOG`.
pub fn is_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

/// Where it happened finds the bug; its message may contain a token.
fn tell_panic(place: Option<&Location<'_>>) {
    let place = place.map_or_else(String::new, ToString::to_string);
    tracing::error!(event = "panicked", place, "a bug: please report it");
}

/// Writes each event as exactly one line. The subscriber hands over one event
/// with each call.
struct LineWriter<W> {
    format: LogFormat,
    out: W,
}

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let line = match self.format {
            LogFormat::Text => visible(text),
            LogFormat::Json => visible_json(text),
        };
        // One call: lines of several threads must not mix.
        self.out.write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// JSON escapes what is below U+0020 by itself; the others may only stand in
/// strings, where this is the same character (RFC 8259 §7).
fn visible_json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A string takes every text.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, event: &str) -> String {
        let mut out = Vec::new();
        let mut lines = LineWriter {
            format,
            out: &mut out,
        };
        lines.write_all(event.as_bytes()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lg_3_an_event_is_one_line_whatever_it_holds() {
        assert_eq!(
            line(LogFormat::Text, "a\nINFO forged\u{1b}[2J\r\n"),
            "a\\nINFO forged\\u{1b}[2J\\r\n"
        );
        let json = line(LogFormat::Json, "{\"a\":\"\u{9b}2J\u{202e}\u{7f}\"}\n");
        assert_eq!(json, "{\"a\":\"\\u009b2J\\u202e\\u007f\"}\n");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["a"], "\u{9b}2J\u{202e}\u{7f}");
        // Beyond U+FFFF: a pair (RFC 8259 §7).
        let json = line(LogFormat::Json, "{\"a\":\"\u{e0041}\"}\n");
        assert_eq!(json, "{\"a\":\"\\udb40\\udc41\"}\n");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_noticed() {
        for good in ["info", "warn,red5_bridge=debug", "off", DEFAULT_FILTER] {
            assert!(is_filter(good), "{good}");
        }
        for wrong in ["red5_bridge=loud", "info,=debug=", "a=b=c"] {
            assert!(!is_filter(wrong), "{wrong}");
        }
    }
}
