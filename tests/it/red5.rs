//! What a Red5 server makes of our tokens.
//!
//! [`server`] is a Red5 server written from its documentation alone, in every
//! way that the documentation leaves open. [`table`] is the rule "no more than
//! was granted", written once more from its definition. Between them runs a
//! whole bridge, and [`judge`] asks it: whatever it signs must allow what the rows
//! of the table grant, in every reading of the documentation, and nothing else.

mod judge;
mod known;
mod random;
pub mod server;
mod server_itself;
mod stage;
mod table;
