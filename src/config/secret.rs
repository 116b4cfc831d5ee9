//! Secrets, without the traces of how they were copied: those would be a part of the secret.

use std::fs::File;
use std::io::Read;

use crate::visible::is_hidden;

/// Longest file that is read; the longest secret is a list of keys.
const FILE_MAX: usize = 64 * 1024;

const QUOTES: [(char, char); 7] = [
    ('\'', '\''),
    ('"', '"'),
    ('`', '`'),
    ('“', '”'),
    ('„', '“'),
    ('‘', '’'),
    ('«', '»'),
];

pub(super) const QUOTED: &str = "has quotes around it, which would be a part of it: leave them out";

/// The secret in a file, without the one line end that editors and `echo` write behind it.
/// The reason never repeats what the file holds.
pub(super) fn read_file(path: &str, is_known: fn(&str) -> bool) -> Result<String, String> {
    let content = read_bytes(path)?;
    if content.starts_with(b"\xef\xbb\xbf") {
        return Err(
            "the file begins with a byte order mark, which would be a part of the secret: save it \
             as UTF-8 without one"
                .to_owned(),
        );
    }
    let text = String::from_utf8(content)
        .map_err(|_| "the file is not UTF-8 text: save it as UTF-8".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("the file is empty".to_owned());
    }
    judge(line, is_known).map_err(|reason| format!("the file {reason}"))?;
    Ok(line.to_owned())
}

/// The whole of a file that is no larger than one with a secret can be.
pub(super) fn read_bytes(path: &str) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let limit = u64::try_from(FILE_MAX).unwrap_or(u64::MAX);
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut content))
        .map_err(|error| format!("the file cannot be read: {}", error.kind()))?;
    if content.len() > FILE_MAX {
        return Err(format!("the file is larger than {FILE_MAX} bytes"));
    }
    Ok(content)
}

/// Refuses what was copied besides the secret.
/// `is_known` tells whether something is the name of a variable.
pub(super) fn judge(text: &str, is_known: fn(&str) -> bool) -> Result<(), String> {
    let reason = if text.contains(['\n', '\r']) {
        "has more than one line: leave the secret alone in it, on one line"
    } else if text.contains(is_hidden) {
        "has an invisible character, which would be a part of the secret: write it anew"
    } else if text.trim() != text {
        "has white space at its beginning or end, which would be a part of the secret"
    } else if is_quoted(text) {
        QUOTED
    } else if begins_with_a_name(text, is_known) {
        "begins with a name and =, which would be a part of the secret: leave only what stands behind"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

pub(super) fn is_quoted(text: &str) -> bool {
    let mut quotes = QUOTES.iter();
    text.len() > 1 && quotes.any(|(open, close)| text.starts_with(*open) && text.ends_with(*close))
}

/// A line of an `.env` file, or of Red5's properties, copied whole.
fn begins_with_a_name(text: &str, is_known: fn(&str) -> bool) -> bool {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let name = text.split_once('=').map_or("", |(name, _)| name);
    let name = name.trim_end().to_ascii_uppercase();
    name == "JWT.SECRET" || is_known(&name)
}
