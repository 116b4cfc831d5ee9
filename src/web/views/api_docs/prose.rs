//! Descriptions: paragraphs in which back quotes set off code.

use std::fmt;

/// One paragraph, as runs of words and of code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose {
    /// In turn words and code, words first; either may be empty.
    pub runs: Vec<Run>,
}

/// A piece of a paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// To be read.
    Words(String),
    /// To be copied.
    Code(String),
}

impl Prose {
    /// One paragraph.
    pub(super) fn of(text: &str) -> Self {
        let runs = text
            .split('`')
            .enumerate()
            .filter(|(_, run)| !run.is_empty());
        let runs = runs.map(|(at, run)| match at % 2 {
            0 => Run::Words(run.to_owned()),
            _ => Run::Code(run.to_owned()),
        });
        Self {
            runs: runs.collect(),
        }
    }

    /// Several, with an empty line between two.
    pub(super) fn paragraphs(text: &str) -> Vec<Self> {
        let paragraphs = text.split("\n\n").filter(|text| !text.is_empty());
        paragraphs.map(Self::of).collect()
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }
}

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.runs.iter().try_for_each(|run| match run {
            Run::Words(text) => f.write_str(text),
            Run::Code(text) => write!(f, "`{text}`"),
        })
    }
}
