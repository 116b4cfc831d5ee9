//! Characters that are not seen, and text from elsewhere made safe to look at.

use std::borrow::Cow;

/// Whether `c` is not seen, or does something instead: it ends a line, moves the cursor, colours
/// what follows (ESC, and CSI as one character), turns the direction of writing, takes no room, or
/// is a space other than the ordinary one (Unicode: `Default_Ignorable_Code_Point`,
/// `Bidi_Control`, `White_Space`). Logs, terminals, pages and the configuration all use this table.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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

    #[test]
    fn what_a_page_writes_out_a_log_line_writes_out_too() {
        for c in [
            '\u{a0}',
            '\u{34f}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180b}',
            '\u{206f}',
            '\u{2800}',
            '\u{fe0f}',
            '\u{ffa0}',
            '\u{fff0}',
            '\u{1d173}',
            '\u{e0100}',
        ] {
            assert_eq!(
                visible(&format!("a{c}b")),
                format!("a{}b", c.escape_unicode())
            );
        }
        assert!(!is_hidden(' '));
    }
}
