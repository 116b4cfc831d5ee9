//! Many patterns with stars against many texts.
//!
//! A thousand globs and ten thousand groups are ten million pairs; comparing each takes half a
//! second, in which the worker serves nothing else (AV-7). So each text is walked over once,
//! which says where it has which pieces of which patterns: what stands between two stars, or at an
//! end. Only a pattern whose pieces are all there, each behind the one before it, is worth comparing.

use std::cmp::Reverse;
use std::collections::HashMap;

/// Bytes that UTF-8 does not have stand for the two ends of a text, so that the outer pieces of
/// a pattern are found there alone.
const BEGINNING: u8 = 0xFE;
const END: u8 = 0xFF;

/// With fewer pairs than this, comparing each costs less than building the index.
const PAIRS_MIN: usize = 10_000;

/// Values, each with a pattern.
#[derive(Debug)]
pub(super) struct PatternIndex<T> {
    entries: Vec<Indexed<T>>,
    /// None where every pattern is compared.
    trie: Option<Trie>,
}

#[derive(Debug)]
struct Indexed<T> {
    value: T,
    /// From left to right.
    pieces: Vec<usize>,
}

#[derive(Debug, Default)]
struct Trie {
    /// The first is the root.
    nodes: Vec<Node>,
    pieces: Vec<Segment>,
    /// The patterns without a piece: of stars alone.
    of_stars: Vec<usize>,
}

#[derive(Debug, Default)]
struct Node {
    next: Vec<(u8, usize)>,
    piece: Option<usize>,
}

#[derive(Debug)]
struct Segment {
    length: usize,
    /// The patterns that are tried when it is found; each pattern is under its rarest piece.
    patterns: Vec<usize>,
}

impl<T> PatternIndex<T> {
    /// `pattern` gives the pattern of a value; `texts` is how many texts are to come.
    pub(super) fn new(values: Vec<T>, pattern: impl Fn(&T) -> &str, texts: usize) -> Self {
        let (trie, pieces) = if values.len().saturating_mul(texts) < PAIRS_MIN {
            (None, vec![Vec::new(); values.len()])
        } else {
            let (trie, pieces) = Trie::new(values.iter().map(pattern));
            (Some(trie), pieces)
        };
        let entries = values.into_iter().zip(pieces);
        let entries = entries.map(|(value, pieces)| Indexed { value, pieces });
        Self {
            entries: entries.collect(),
            trie,
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What looks at the texts.
    pub(super) fn search(&self) -> PatternSearch<'_, T> {
        let pieces = self.trie.as_ref().map_or(0, |trie| trie.pieces.len());
        PatternSearch {
            index: self,
            text: Vec::new(),
            round: 0,
            places: vec![Occurrence::default(); pieces],
            found: Vec::new(),
        }
    }
}

impl Trie {
    /// With the pieces of each pattern.
    fn new<'p>(patterns: impl Iterator<Item = &'p str>) -> (Self, Vec<Vec<usize>>) {
        let mut numbers: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut trie = Self {
            nodes: vec![Node::default()],
            ..Self::default()
        };
        let mut shared: Vec<usize> = Vec::new();
        let mut all = Vec::new();
        for pattern in patterns {
            let mut pieces = Vec::new();
            for piece in between_ends(pattern).split(|byte| *byte == b'*') {
                if matches!(piece, [] | [BEGINNING | END]) {
                    continue;
                }
                let number = *numbers.entry(piece.to_vec()).or_insert_with(|| {
                    shared.push(0);
                    trie.add(piece)
                });
                shared[number] += 1;
                pieces.push(number);
            }
            all.push(pieces);
        }
        for (pattern, pieces) in all.iter().enumerate() {
            let rarest = pieces
                .iter()
                .min_by_key(|piece| (shared[**piece], Reverse(trie.pieces[**piece].length)));
            match rarest {
                Some(piece) => trie.pieces[*piece].patterns.push(pattern),
                None => trie.of_stars.push(pattern),
            }
        }
        (trie, all)
    }

    /// A new piece, and its number.
    fn add(&mut self, piece: &[u8]) -> usize {
        let number = self.pieces.len();
        self.pieces.push(Segment {
            length: piece.len(),
            patterns: Vec::new(),
        });
        let mut at = 0;
        for byte in piece {
            at = match self.nodes[at].step(*byte) {
                Ok(next) => next,
                Err(place) => {
                    let next = self.nodes.len();
                    self.nodes[at].next.insert(place, (*byte, next));
                    self.nodes.push(Node::default());
                    next
                }
            };
        }
        self.nodes[at].piece = Some(number);
        number
    }
}

impl Node {
    /// The node behind this byte, or where it would stand in the list.
    fn step(&self, byte: u8) -> Result<usize, usize> {
        let found = self.next.binary_search_by_key(&byte, |(byte, _)| *byte);
        found.map(|place| self.next[place].1)
    }
}

fn between_ends(text: &str) -> Vec<u8> {
    [&[BEGINNING], text.as_bytes(), &[END]].concat()
}

/// Looks at one text after the other.
pub(super) struct PatternSearch<'p, T> {
    index: &'p PatternIndex<T>,
    text: Vec<u8>,
    /// The number of the text.
    round: usize,
    /// Of each piece.
    places: Vec<Occurrence>,
    /// The pieces that the text has.
    found: Vec<usize>,
}

/// Where a text has a piece: behind the first place and behind the last.
#[derive(Debug, Clone, Copy, Default)]
struct Occurrence {
    round: usize,
    first: usize,
    last: usize,
}

impl<'p, T> PatternSearch<'p, T> {
    /// The values that are wanted and whose pattern may match `text`: no other does.
    pub(super) fn candidates(&mut self, text: &str, wanted: impl Fn(&T) -> bool) -> Vec<&'p T> {
        let entries = &self.index.entries;
        let Some(trie) = &self.index.trie else {
            let values = entries.iter().map(|entry| &entry.value);
            return values.filter(|value| wanted(value)).collect();
        };
        self.find(trie, text);
        let found = self.found.iter();
        let tried = found.flat_map(|piece| &trie.pieces[*piece].patterns);
        tried
            .chain(&trie.of_stars)
            .map(|entry| &entries[*entry])
            .filter(|entry| wanted(&entry.value) && self.may_match(trie, &entry.pieces))
            .map(|entry| &entry.value)
            .collect()
    }

    fn find(&mut self, trie: &Trie, text: &str) {
        self.round += 1;
        self.found.clear();
        self.text.clear();
        self.text.push(BEGINNING);
        self.text.extend_from_slice(text.as_bytes());
        self.text.push(END);
        for begin in 0..self.text.len() {
            let mut at = 0;
            for (end, byte) in (begin + 1..).zip(&self.text[begin..]) {
                let Ok(next) = trie.nodes[at].step(*byte) else {
                    break;
                };
                at = next;
                let Some(piece) = trie.nodes[at].piece else {
                    continue;
                };
                let place = &mut self.places[piece];
                if place.round == self.round {
                    place.last = end;
                } else {
                    self.found.push(piece);
                    *place = Occurrence {
                        round: self.round,
                        first: end,
                        last: end,
                    };
                }
            }
        }
    }

    /// Whether each piece is there, behind the earliest place of the one before it.
    fn may_match(&self, trie: &Trie, pieces: &[usize]) -> bool {
        let mut behind = 0;
        pieces.iter().all(|piece| {
            let place = &self.places[*piece];
            behind = place.first.max(behind + trie.pieces[*piece].length);
            place.round == self.round && behind <= place.last
        })
    }
}

#[cfg(test)]
mod tests;
