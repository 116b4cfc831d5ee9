//! The history of changes, as the audit log has it.

use serde_json::{Map, Value, json};

use super::admin::Admin;
use crate::domain::mapping::Mapping;
use crate::domain::mapping_test::MappingTest;
use crate::store::{Store, StoreError};

pub use crate::store::audit::{AuditEntry, AuditFilter};

/// What administrators read of the audit log.
pub struct History {
    store: Store,
}

/// Some changes in a row, the newest first.
#[derive(Debug)]
pub struct HistoryPage {
    /// The changes. Mappings and mapping tests are as the API shows them.
    pub items: Vec<AuditEntry>,
    /// Where there are older ones: the number of the last one here, for [`AuditFilter::before`].
    pub next_before: Option<i64>,
}

impl History {
    /// Over this database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The newest changes of a filter, at most `limit`.
    pub async fn page(
        &self,
        _: &Admin,
        filter: &AuditFilter,
        limit: usize,
    ) -> Result<HistoryPage, StoreError> {
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut items = self.store.audit_log(filter, one_more).await?;
        let has_older = items.len() > limit;
        items.truncate(limit);
        for entry in &mut items {
            for state in [&mut entry.before, &mut entry.after] {
                *state = state.take().map(|row| as_shown(&entry.action, row));
            }
        }
        let last = items.last().map(|entry| entry.id);
        Ok(HistoryPage {
            next_before: last.filter(|_| has_older),
            items,
        })
    }
}

/// A row as the API shows it; one that today's rules refuse stays as it was stored.
fn as_shown(action: &str, stored: Value) -> Value {
    let columns = || -> Option<Map<String, Value>> { stored.as_object().cloned() };
    let shown = match action.split_once('.') {
        Some(("mapping", _)) => columns()
            .and_then(|row| Mapping::from_row(row).ok())
            .map(|row| json!(row)),
        Some(("test", _)) => columns()
            .and_then(|row| MappingTest::from_row(row).ok())
            .map(|row| json!(row)),
        _ => None,
    };
    shown.unwrap_or(stored)
}
