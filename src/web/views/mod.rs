//! The pages: one typed context for each template, and nothing else.
//!
//! A handler fills a context and calls `render` (of [`Template`]). Contexts
//! are plain values; what they need from `domain` is put into words here, so
//! that every page says the same thing in the same way.
//!
//! Each template escapes what it is given (CS-10), needs no script to work,
//! and loads only the files of [`assets`]. Text from outside is shown by
//! [`shown::Shown`], which keeps its writing direction to itself and makes visible
//! what has no picture.

pub mod assets;
mod clients;
mod effect;
mod explain;
mod files;
mod frame;
mod history;
mod line_errors;
mod mapping_form;
mod mappings;
mod oauth;
mod paging;
mod people;
mod plan;
mod portal;
pub mod problem;
mod public;
mod restore;
mod seen;
mod shown;
mod test_form;
pub(super) mod times;
mod token_form;
mod words;

#[cfg(test)]
#[path = "../../../tests/pages/mod.rs"]
mod samples;
#[cfg(test)]
mod tests;

pub use askama::Template;

pub use clients::{
    ClientDelete, ClientForm, ClientList, ClientNotSaved, ClientSecretsPage, ListedClient,
    TypedClient,
};
pub use effect::EffectWords;
pub use explain::{ExplainPage, Explained, TypedQuestion};
pub use files::FilesPage;
pub use frame::{Frame, Person};
pub use history::{DoneSet, HistoryList, HistoryRow, TypedHistory};
pub use mapping_form::{Editing, MappingForm, NotSaved, TypedMapping};
pub use mappings::{
    BulkChange, Done, ListPlace, MappingDelete, MappingList, MappingRow, NotDone, Return,
    SelectedMappings, Which,
};
pub use oauth::{AppRow, AppsPage, AskedWords, ConsentPage, DeviceForm, DevicePage, OnwardPage};
pub use paging::Paging;
pub use people::{
    BLOCK_TIMES, BlockForm, BlockLift, BlockList, BlockRow, Notice, OwnSessions, PersonWords,
    SessionList, SessionRow, SessionStop, TypedBlock,
};
pub use plan::{LeftWords, PlanRefused, PlanWords};
pub use portal::{CopyLine, Lines, NoGrant, Outcome, Portal, QrImage, ShownToken, Who};
pub use problem::ErrorCodes;
pub use public::{ApiDocs, Next, SignedOut, Welcome};
pub use restore::{RestorePage, TypedRestore};
pub use seen::{PeopleList, PersonPage, PersonRow, TypedDeed, WhoCanPage, WhoCanRow};
pub use shown::Shown;
pub use test_form::{TestDelete, TestForm, TestList, TestNotSaved, TestRow, TypedTest};
pub use token_form::{Choices, Chosen, Refused, Unnamed};
pub use words::GrantWords;
