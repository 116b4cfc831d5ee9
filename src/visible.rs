//! Text from elsewhere, made safe to look at: in a log, on a terminal.

use std::borrow::Cow;

/// Whether `c` does something instead of being seen: it ends a line, moves the
/// cursor, colours what follows (ESC, and CSI as one character), turns the
/// direction of writing, or takes no room at all.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// The text with every such character written out: `\n`, `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => shown.extend(c.escape_default()),
            c if is_hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lg_3_whatever_moves_a_cursor_or_ends_a_line_is_written_out() {
        for (text, shown) in [
            ("a b é 佐", "a b é 佐"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}2J\u{7f}\0", "\\u{9b}2J\\u{7f}\\u{0}"),
            (
                "a\u{202e}b\u{2028}\u{200b}",
                "a\\u{202e}b\\u{2028}\\u{200b}",
            ),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
