//! What was found, and how it is written.

use std::fmt;

use crate::visible::visible;

/// Widest line of the text.
const WIDTH: usize = 96;

/// Before each line: two spaces, the kind, a space.
const INDENT: usize = 10;

/// Everything that was looked at.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<(Group, Line)>,
}

/// Where a finding belongs, and is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// `BRIDGE_*`, `LOG_FORMAT`, `RUST_LOG`, and variables that nothing reads.
    Configuration,
    /// Postgres.
    Database,
    /// The OpenID Connect provider.
    Provider,
    /// The streaming server.
    Red5,
}

impl Group {
    const ALL: [Self; 4] = [
        Self::Configuration,
        Self::Database,
        Self::Provider,
        Self::Red5,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Database => "database",
            Self::Provider => "provider",
            Self::Red5 => "Red5",
        }
    }
}

#[derive(Debug)]
enum Line {
    Good(String),
    Note(String, String),
    Wrong(String, String),
}

impl Report {
    /// All is well with it.
    pub(super) fn good(&mut self, group: Group, what: String) {
        self.lines.push((group, Line::Good(what)));
    }

    /// It may be meant, or cannot be known from here.
    pub(super) fn note(
        &mut self,
        group: Group,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.lines
            .push((group, Line::Note(what.into(), remedy.into())));
    }

    /// It will go wrong.
    pub(super) fn wrong(
        &mut self,
        group: Group,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.lines
            .push((group, Line::Wrong(what.into(), remedy.into())));
    }

    /// How much is wrong.
    pub fn findings(&self) -> usize {
        let wrong = self
            .lines
            .iter()
            .filter(|(_, line)| matches!(line, Line::Wrong(..)));
        wrong.count()
    }

    /// Whether anything of a group is wrong.
    pub(super) fn has_findings(&self, group: Group) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|(of, line)| *of == group && matches!(line, Line::Wrong(..)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in Group::ALL {
            let lines = self.lines.iter().filter(|(of, _)| *of == group);
            let mut lines = lines.map(|(_, line)| line).peekable();
            if lines.peek().is_none() {
                continue;
            }
            writeln!(f, "{}", group.title())?;
            for line in lines {
                match line {
                    Line::Good(what) => write_line(f, "ok", what)?,
                    Line::Note(what, remedy) => {
                        write_line(f, "note", what)?;
                        write_line(f, "", remedy)?;
                    }
                    Line::Wrong(what, remedy) => {
                        write_line(f, "WRONG", what)?;
                        write_line(f, "", remedy)?;
                    }
                }
            }
        }
        match self.findings() {
            0 => writeln!(f, "Nothing is wrong."),
            1 => writeln!(f, "1 thing is wrong."),
            many => writeln!(f, "{many} things are wrong."),
        }
    }
}

/// Breaks between words; an address is never broken.
fn write_line(f: &mut fmt::Formatter<'_>, kind: &str, text: &str) -> fmt::Result {
    let text = visible(text);
    let mut used = INDENT;
    write!(f, "  {kind:<7}")?;
    for (at, word) in text.split(' ').enumerate() {
        let length = word.chars().count() + 1;
        if at > 0 && used + length > WIDTH {
            write!(f, "\n{:<1$}", "", INDENT - 1)?;
            used = INDENT;
        }
        write!(f, " {word}")?;
        used += length;
    }
    writeln!(f)
}
