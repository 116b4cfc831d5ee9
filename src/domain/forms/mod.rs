//! Many forms with stars against many texts.
//!
//! A thousand globs and ten thousand groups are ten million pairs; comparing each takes half a
//! second, in which the worker serves nothing else (AV-7). So each text is walked over once,
//! which says where it has which pieces of which forms: what stands between two stars, or at an
//! end. Only a form whose pieces are all there, each behind the one before it, is worth comparing.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashMap;

/// Bytes that UTF-8 does not have stand for the two ends of a text, so that the outer pieces of
/// a form are found there alone.
const BEGINNING: u8 = 0xFE;
const END: u8 = 0xFF;

/// With fewer pairs than this, comparing each costs less than building the index.
const PAIRS_MIN: usize = 10_000;

/// Values, each under a form.
#[derive(Debug)]
pub(super) struct Forms<T> {
    forms: Vec<Form<T>>,
    /// None where every form is compared.
    index: Option<Index>,
}

#[derive(Debug)]
struct Form<T> {
    value: T,
    /// From left to right.
    pieces: Vec<usize>,
}

#[derive(Debug, Default)]
struct Index {
    /// A trie; the first node is its root.
    nodes: Vec<Node>,
    pieces: Vec<Piece>,
    /// The forms without a piece: of stars alone.
    of_stars: Vec<usize>,
}

#[derive(Debug, Default)]
struct Node {
    next: Vec<(u8, usize)>,
    piece: Option<usize>,
}

#[derive(Debug)]
struct Piece {
    length: usize,
    /// The forms that are tried when it is found; each form is under its rarest piece.
    forms: Vec<usize>,
}

impl<T> Forms<T> {
    /// `form` says which form a value has; `texts`: how many are to come.
    pub(super) fn new(values: Vec<T>, form: impl Fn(&T) -> &str, texts: usize) -> Self {
        let (index, pieces) = if values.len().saturating_mul(texts) < PAIRS_MIN {
            (None, vec![Vec::new(); values.len()])
        } else {
            let (index, pieces) = Index::new(values.iter().map(form));
            (Some(index), pieces)
        };
        let forms = values.into_iter().zip(pieces);
        Self {
            forms: forms
                .map(|(value, pieces)| Form { value, pieces })
                .collect(),
            index,
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.forms.len()
    }

    /// What looks at the texts.
    pub(super) fn finder(&self) -> Finder<'_, T> {
        let pieces = self.index.as_ref().map_or(0, |index| index.pieces.len());
        Finder {
            forms: self,
            text: Vec::new(),
            round: 0,
            places: vec![Place::default(); pieces],
            found: Vec::new(),
        }
    }
}

impl Index {
    /// With the pieces of each form.
    fn new<'f>(forms: impl Iterator<Item = &'f str>) -> (Self, Vec<Vec<usize>>) {
        let mut numbers: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut index = Self {
            nodes: vec![Node::default()],
            ..Self::default()
        };
        let mut shared: Vec<usize> = Vec::new();
        let mut all = Vec::new();
        for form in forms {
            let mut pieces = Vec::new();
            for piece in between_ends(form).split(|byte| *byte == b'*') {
                if matches!(piece, [] | [BEGINNING | END]) {
                    continue;
                }
                let number = *numbers.entry(piece.to_vec()).or_insert_with(|| {
                    shared.push(0);
                    index.add(piece)
                });
                shared[number] += 1;
                pieces.push(number);
            }
            all.push(pieces);
        }
        for (form, pieces) in all.iter().enumerate() {
            let rarest = pieces
                .iter()
                .min_by_key(|piece| (shared[**piece], Reverse(index.pieces[**piece].length)));
            match rarest {
                Some(piece) => index.pieces[*piece].forms.push(form),
                None => index.of_stars.push(form),
            }
        }
        (index, all)
    }

    /// A new piece, and its number.
    fn add(&mut self, piece: &[u8]) -> usize {
        let number = self.pieces.len();
        self.pieces.push(Piece {
            length: piece.len(),
            forms: Vec::new(),
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
pub(super) struct Finder<'f, T> {
    forms: &'f Forms<T>,
    text: Vec<u8>,
    /// The number of the text.
    round: usize,
    /// Of each piece.
    places: Vec<Place>,
    /// The pieces that the text has.
    found: Vec<usize>,
}

/// Where a text has a piece: behind the first place and behind the last.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    round: usize,
    first: usize,
    last: usize,
}

impl<'f, T> Finder<'f, T> {
    /// The values that are wanted and whose form may match `text`: no other form does.
    pub(super) fn candidates(&mut self, text: &str, wanted: impl Fn(&T) -> bool) -> Vec<&'f T> {
        let forms = &self.forms.forms;
        let Some(index) = &self.forms.index else {
            let values = forms.iter().map(|form| &form.value);
            return values.filter(|value| wanted(value)).collect();
        };
        self.find(index, text);
        let found = self.found.iter();
        let tried = found.flat_map(|piece| &index.pieces[*piece].forms);
        tried
            .chain(&index.of_stars)
            .map(|form| &forms[*form])
            .filter(|form| wanted(&form.value) && self.may_match(index, &form.pieces))
            .map(|form| &form.value)
            .collect()
    }

    fn find(&mut self, index: &Index, text: &str) {
        self.round += 1;
        self.found.clear();
        self.text.clear();
        self.text.push(BEGINNING);
        self.text.extend_from_slice(text.as_bytes());
        self.text.push(END);
        for begin in 0..self.text.len() {
            let mut at = 0;
            for (end, byte) in (begin + 1..).zip(&self.text[begin..]) {
                let Ok(next) = index.nodes[at].step(*byte) else {
                    break;
                };
                at = next;
                let Some(piece) = index.nodes[at].piece else {
                    continue;
                };
                let place = &mut self.places[piece];
                if place.round == self.round {
                    place.last = end;
                } else {
                    self.found.push(piece);
                    *place = Place {
                        round: self.round,
                        first: end,
                        last: end,
                    };
                }
            }
        }
    }

    /// Whether each piece is there, behind the earliest place of the one before it.
    fn may_match(&self, index: &Index, pieces: &[usize]) -> bool {
        let mut behind = 0;
        pieces.iter().all(|piece| {
            let place = &self.places[*piece];
            behind = place.first.max(behind + index.pieces[*piece].length);
            place.round == self.round && behind <= place.last
        })
    }
}
