//! The mappings and their tests, and what leads from one state of them to another.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::change_set::{Edit, TableChange};
use super::mapping::{Mapping, MappingDraft, MappingId};
use super::mapping_test::{MappingTest, MappingTestDraft, MappingTestId};

/// All rows of both tables, each by number.
#[derive(Debug, Clone, Default)]
pub struct MappingTables {
    /// The mappings, shared with other states of the table that have the same row.
    pub mappings: Vec<Arc<Mapping>>,
    /// What must stay true of them.
    pub tests: Vec<MappingTest>,
}

/// How the tables are to be. What is none is left alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WantedTables {
    /// All mappings.
    pub mappings: Option<Vec<WantedRow<MappingDraft>>>,
    /// All tests.
    pub tests: Option<Vec<WantedRow<MappingTestDraft>>>,
}

/// A row that is to be there.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedRow<D> {
    /// The number that it had; a row that is gone comes back under a new one.
    pub id: Option<i64>,
    /// What it says.
    pub draft: D,
}

impl MappingTables {
    /// The mapping of this number.
    pub fn mapping(&self, id: i64) -> Option<&Mapping> {
        let found = self.mappings.binary_search_by_key(&id, |row| row.id.0);
        found.ok().map(|place| &*self.mappings[place])
    }

    /// The test of this number.
    pub fn test(&self, id: i64) -> Option<&MappingTest> {
        let found = self.tests.binary_search_by_key(&id, |row| row.id.0);
        found.ok().map(|place| &self.tests[place])
    }

    /// A number that differs when another test is there, or another version of one: a test is not
    /// counted among the changes of the mappings.
    pub fn tests_version(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for row in &self.tests {
            (row.id.0, row.version).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// How the tables are to be so that they are as these, also where rows are gone since.
    pub fn wanted(self) -> WantedTables {
        let mappings = self.mappings.into_iter().map(|row| WantedRow {
            id: Some(row.id.0),
            draft: row.draft.clone(),
        });
        let tests = self.tests.into_iter().map(|row| WantedRow {
            id: Some(row.id.0),
            draft: row.draft,
        });
        WantedTables {
            mappings: Some(mappings.collect()),
            tests: Some(tests.collect()),
        }
    }

    /// The changes that lead there: as few rows as possible get a new number, so that history and
    /// links stay. First removals, then what is replaced, then what is new.
    pub fn changes_to(&self, wanted: &WantedTables) -> Vec<TableChange> {
        let mut changes = Vec::new();
        if let Some(wanted) = &wanted.mappings {
            let rows = self.mappings.iter();
            let rows = rows.map(|row| (row.id.0, row.version, &row.draft));
            let pairs = Pairing::of(rows, wanted, is_stored)
                .by(|draft| draft)
                .by(MappingDraft::says)
                .by(MappingDraft::group);
            changes.extend(pairs.edits().map(TableChange::Mapping));
        }
        if let Some(wanted) = &wanted.tests {
            let rows = self.tests.iter();
            let rows = rows.map(|row| (row.id.0, row.version, &row.draft));
            let pairs = Pairing::of(rows, wanted, PartialEq::eq).by(MappingTestDraft::name);
            changes.extend(pairs.edits().map(TableChange::Test));
        }
        changes
    }
}

impl WantedTables {
    /// The tables where there was nothing before: numbered in this order, and written at `at`. A list that
    /// is left alone is empty.
    pub fn alone(self, at: DateTime<Utc>) -> MappingTables {
        let mappings = (1..).zip(self.mappings.into_iter().flatten());
        let mappings = mappings.map(|(id, row)| Mapping {
            id: MappingId(id),
            draft: row.draft,
            version: 1,
            created_at: at,
            created_by: String::new(),
            updated_at: at,
            updated_by: String::new(),
            last_used_at: None,
        });
        let tests = (1..).zip(self.tests.into_iter().flatten());
        let tests = tests.map(|(id, row)| MappingTest {
            id: MappingTestId(id),
            draft: row.draft,
            version: 1,
        });
        MappingTables {
            mappings: mappings.map(Arc::new).collect(),
            tests: tests.collect(),
        }
    }
}

/// Rows that are there, and how they are wanted.
struct Pairing<'a, D> {
    /// Those that are not paired, by number, each with its version.
    there: BTreeMap<i64, (i64, &'a D)>,
    /// Those that are not paired.
    wanted: Vec<&'a D>,
    /// Number, version, and what the row becomes where that is another.
    paired: Vec<(i64, i64, Option<&'a D>)>,
    /// Whether the first is a row that is stored as the second is wanted.
    is: fn(&D, &D) -> bool,
}

/// The limits of a window are written in whole seconds, and the stored ones may have parts of them.
fn is_stored(stored: &MappingDraft, wanted: &MappingDraft) -> bool {
    wanted.clone().with_seconds_of(stored) == *stored
}

impl<'a, D: Clone> Pairing<'a, D> {
    /// Pairs those that have one number.
    fn of(
        rows: impl Iterator<Item = (i64, i64, &'a D)>,
        wanted: &'a [WantedRow<D>],
        is: fn(&D, &D) -> bool,
    ) -> Self {
        let mut pairing = Self {
            there: rows
                .map(|(id, version, draft)| (id, (version, draft)))
                .collect(),
            wanted: Vec::new(),
            paired: Vec::new(),
            is,
        };
        for WantedRow { id, draft } in wanted {
            pairing.pair(*id, draft);
        }
        pairing
    }

    /// Pairs those of the rest that have `key` in common, in the order of their numbers.
    fn by<K: Eq + Hash>(mut self, key: impl Fn(&'a D) -> K) -> Self {
        let mut places: HashMap<K, Vec<i64>> = HashMap::new();
        for (id, (_, draft)) in self.there.iter().rev() {
            places.entry(key(draft)).or_default().push(*id);
        }
        for draft in std::mem::take(&mut self.wanted) {
            let id = places.get_mut(&key(draft)).and_then(Vec::pop);
            self.pair(id, draft);
        }
        self
    }

    fn pair(&mut self, id: Option<i64>, wanted: &'a D) {
        match id.and_then(|id| self.there.remove_entry(&id)) {
            Some((id, (version, there))) => {
                let changed = (!(self.is)(there, wanted)).then_some(wanted);
                self.paired.push((id, version, changed));
            }
            None => self.wanted.push(wanted),
        }
    }

    fn edits(self) -> impl Iterator<Item = Edit<D>> {
        let gone = self.there.into_iter();
        let gone = gone.map(|(id, (version, _))| Edit::Delete { id, version });
        let replaced = self.paired.into_iter().filter_map(|(id, version, draft)| {
            let draft = draft?.clone();
            Some(Edit::Replace { id, version, draft })
        });
        let new = self.wanted.into_iter().cloned().map(Edit::Create);
        gone.chain(replaced).chain(new)
    }
}

#[cfg(test)]
mod tests;
