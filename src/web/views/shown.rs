//! Names that the provider or an administrator wrote, shown so that what
//! cannot be seen is seen. Groups are compared exactly: an administrator who
//! looks at two of them must be able to tell `staff` from `staff` with a
//! space or a direction mark in it.

use std::borrow::Cow;

use crate::visible::is_hidden;

/// A name from outside, to be shown by the `name` macro of the templates,
/// which also keeps its writing direction from its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(pub String);

/// A run of characters that show themselves, or the code of one that does not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The run, or `U+202E`.
    pub text: Cow<'a, str>,
    /// Whether it is a code.
    pub is_code: bool,
}

impl Shown {
    /// The name, cut where a character would not be seen.
    pub(super) fn pieces(&self) -> Vec<Piece<'_>> {
        let name = self.0.as_str();
        let body_start = name.len() - name.trim_start().len();
        let body_end = name.trim_end().len();
        let plain = |run| Piece {
            text: Cow::Borrowed(run),
            is_code: false,
        };
        let mut pieces = Vec::new();
        let mut plain_from = 0;
        for (at, c) in name.char_indices() {
            let at_an_edge = c.is_whitespace() && (at < body_start || at >= body_end);
            if is_hidden(c) || at_an_edge {
                if plain_from < at {
                    pieces.push(plain(&name[plain_from..at]));
                }
                pieces.push(Piece {
                    text: format!("U+{:04X}", u32::from(c)).into(),
                    is_code: true,
                });
                plain_from = at + c.len_utf8();
            }
        }
        if plain_from < name.len() {
            pieces.push(plain(&name[plain_from..]));
        }
        pieces
    }

    /// Text of several lines, line by line, as a form's text area sends it or not.
    pub(super) fn lines(&self) -> Vec<Self> {
        let lines = self.0.lines();
        lines.map(|line| Self(line.to_owned())).collect()
    }

    /// Codes of the characters that would not be seen, each once.
    pub(super) fn unseen(&self) -> Vec<String> {
        let mut codes: Vec<String> = Vec::new();
        for piece in self.pieces() {
            let code = piece.text.into_owned();
            if piece.is_code && !codes.contains(&code) {
                codes.push(code);
            }
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visible::visible;

    fn text(name: &str) -> String {
        Shown(name.to_owned())
            .pieces()
            .iter()
            .map(|piece| {
                if piece.is_code {
                    format!("<{}>", piece.text)
                } else {
                    piece.text.to_string()
                }
            })
            .collect()
    }

    #[test]
    fn an_ordinary_name_is_shown_as_it_is() {
        for name in [
            "staff",
            "/media/crew",
            "Ann Lee",
            "Zürich",
            "طاقم البث",
            "制作",
        ] {
            assert_eq!(text(name), name);
        }
    }

    #[test]
    fn white_space_at_an_edge_is_shown_and_within_is_left() {
        assert_eq!(text(" staff"), "<U+0020>staff");
        assert_eq!(text("staff  "), "staff<U+0020><U+0020>");
        assert_eq!(text("two words"), "two words");
        assert_eq!(text("  "), "<U+0020><U+0020>");
        assert_eq!(text("a\u{a0}b\tc"), "a<U+00A0>b<U+0009>c");
    }

    #[test]
    fn a_direction_mark_is_told_and_cannot_turn_the_name_round() {
        assert_eq!(text("crew\u{202e}nimda"), "crew<U+202E>nimda");
        assert_eq!(text("\u{2066}a\u{2069}"), "<U+2066>a<U+2069>");
        assert_eq!(text("st\u{200b}aff\u{feff}"), "st<U+200B>aff<U+FEFF>");
        assert_eq!(
            Shown("a\u{200b}b\u{200b}\u{202e}".to_owned()).unseen(),
            ["U+200B", "U+202E"]
        );
    }

    #[test]
    fn what_a_log_line_writes_out_a_page_writes_out_and_nothing_else() {
        for c in '\0'..=char::MAX {
            let within = format!("a{c}b");
            let is_written_out = visible(&within) != within;
            assert_eq!(!Shown(within).unseen().is_empty(), is_written_out, "{c:?}");
        }
    }

    #[test]
    fn text_is_shown_line_by_line_and_nothing_else_breaks_it() {
        let lines = |text: &str| Shown(text.to_owned()).lines();
        assert_eq!(lines("one\r\ntwo\n\nfour").len(), 4);
        assert_eq!(text(&lines("a\r\nb")[0].0), "a");
        assert_eq!(text(&lines("a\u{2028}b\rc")[0].0), "a<U+2028>b<U+000D>c");
    }

    #[test]
    fn the_empty_name_has_no_pieces() {
        assert!(Shown(String::new()).pieces().is_empty());
    }
}
