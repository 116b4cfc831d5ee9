//! Mapping files: what administrators decided, in one order, without numbers, versions and times of
//! writing. Equal tables are equal files, byte for byte. `flow/mapping_files.rs` reads the bytes of one.

use std::collections::HashMap;
use std::hash::Hash;

use serde::Serialize;
use serde_json::{Map, Value};

use super::mapping::MappingDraft;
use super::mapping_test::MappingTestDraft;
use super::members::{FieldError, Members};
use super::tables::{MappingTables, WantedRow, WantedTables};

/// Most rows of each list.
const ROWS_MAX: usize = 100_000;

/// The mappings in the order of a file.
pub fn in_order(tables: &MappingTables) -> Vec<&MappingDraft> {
    let mut mappings: Vec<_> = tables.mappings.iter().map(|row| &row.draft).collect();
    // No two rows say the same, so this is the whole order.
    mappings.sort_by(|one, other| one.says().cmp(&other.says()));
    mappings
}

/// The text of the file that has these tables; it ends with a line end.
///
/// # Errors
/// None that is known; the library's function may fail.
pub fn write(tables: &MappingTables) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct File<'a> {
        mappings: Vec<&'a MappingDraft>,
        tests: Vec<&'a MappingTestDraft>,
    }
    let mappings = in_order(tables);
    let mut tests: Vec<_> = tables.tests.iter().map(|row| &row.draft).collect();
    tests.sort_by_key(|test| test.name());
    let text = serde_json::to_string_pretty(&File { mappings, tests })?;
    Ok(text + "\n")
}

/// How a file wants the tables to be; a list that it does not have is left alone.
///
/// # Errors
/// Each invalid field, as `mappings[3].rooms[0]`, and each row that says the same as another one.
pub fn parse(file: Map<String, Value>) -> Result<WantedTables, Vec<FieldError>> {
    Members::judge(file, |members| {
        let mappings = rows(members, "mappings", MappingDraft::parse);
        require_distinct(members, "mappings", mappings.as_ref(), MappingDraft::says);
        let tests = rows(members, "tests", MappingTestDraft::parse);
        require_distinct(members, "tests", tests.as_ref(), MappingTestDraft::name);
        Some(WantedTables { mappings, tests })
    })
}

fn rows<D>(
    members: &mut Members,
    field: &str,
    parse: fn(Map<String, Value>) -> Result<D, Vec<FieldError>>,
) -> Option<Vec<WantedRow<D>>> {
    if !members.has(field) {
        return None;
    }
    let before = members.errors.len();
    let sent = members.objects(field, ROWS_MAX)?;
    let mut rows = Vec::with_capacity(sent.len());
    for (i, row) in sent.into_iter().enumerate() {
        match parse(row) {
            Ok(draft) => rows.push(WantedRow { id: None, draft }),
            Err(errors) => members.take(&format!("{field}[{i}]"), errors),
        }
    }
    // Behind a wrong row the places would not be those of the file.
    (members.errors.len() == before).then_some(rows)
}

fn require_distinct<'a, D, K: Eq + Hash>(
    members: &mut Members,
    field: &str,
    rows: Option<&'a Vec<WantedRow<D>>>,
    key: impl Fn(&'a D) -> K,
) {
    let mut first = HashMap::new();
    for (i, row) in rows.into_iter().flatten().enumerate() {
        if let Some(first) = first.insert(key(&row.draft), i) {
            let reason = format!("says the same as {field}[{first}]: remove one of them");
            members.refuse(format!("{field}[{i}]"), reason);
        }
    }
}

#[cfg(test)]
mod tests;
