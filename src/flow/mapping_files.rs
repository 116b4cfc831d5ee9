//! Reads a mapping file and reports its errors; writes the CSV for spreadsheets. The JSON itself is
//! in `domain/mapping_file.rs`.

use serde_json::Value;

use crate::csv;
use crate::domain::mapping_file;
use crate::domain::tables::{MappingTables, WantedTables};
use crate::domain::time::utc;
use crate::json::UniqueMembers;

/// Error for a CSV file, which is recognized by its header or its name.
const CSV_IS_FOR_READING: &str = "CSV is for reading in a spreadsheet: it has no tests, and some cells differ from the \
                                  mapping; give the JSON of `red5-bridge mappings export`";

const COLUMNS: [&str; 10] = [
    "group",
    "match",
    "roles",
    "transports",
    "rooms",
    "max_ttl_seconds",
    "valid_from",
    "valid_until",
    "enabled",
    "note",
];

/// How the file wants the tables to be.
///
/// # Errors
/// Each thing that is wrong with it, with its place.
pub fn read(given: &[u8], is_csv: bool) -> Result<WantedTables, Vec<String>> {
    // Windows writes a byte order mark.
    let given = given.strip_prefix(b"\xef\xbb\xbf").unwrap_or(given);
    if is_csv || given.starts_with(COLUMNS[0].as_bytes()) {
        return Err(vec![CSV_IS_FOR_READING.to_owned()]);
    }
    match serde_json::from_slice(given) {
        Ok(UniqueMembers(Value::Object(file))) => mapping_file::parse(file)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect()),
        Ok(_) => Err(vec![
            "must be an object with the lists mappings and tests".to_owned(),
        ]),
        Err(error) => Err(vec![format!("is not JSON: {error}")]),
    }
}

/// The mappings as a table for a spreadsheet.
pub fn as_csv(tables: &MappingTables) -> String {
    let mut text = csv::line(COLUMNS);
    for draft in mapping_file::in_order(tables) {
        let number = draft.max_ttl_seconds().map(|seconds| seconds.to_string());
        let cells = [
            draft.group().group().unwrap_or_default().to_owned(),
            draft.group().word().to_owned(),
            draft.roles().to_strings().join(" "),
            draft.transports().to_strings().join(" "),
            draft.rooms().to_strings().join(" "),
            number.unwrap_or_default(),
            draft.valid_from().map(utc).unwrap_or_default(),
            draft.valid_until().map(utc).unwrap_or_default(),
            draft.enabled().to_string(),
            draft.note().to_owned(),
        ];
        text += &csv::line(cells.iter().map(String::as_str));
    }
    text
}
