//! The pages of OAuth clients for their people: consent, devices, and the list of apps.

use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::people::Notice;
use super::shown::Shown;
use super::times;
use crate::domain::grant::Ask;
use crate::domain::names::Role;
use crate::domain::set::AnyOr;

/// GET `/oauth2/authorize`, if the person has not consented to the client yet.
#[derive(Debug, Clone, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    pub frame: Frame,
    pub client_name: Shown,
    /// The origin, or the scheme, to which the browser goes afterwards.
    pub address: Shown,
    pub asked: AskedWords,
    /// The authorization request.
    pub query: String,
}

/// What a client asks for, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedWords {
    /// "publish and watch"
    pub deeds: &'static str,
    /// Empty: wherever the person may.
    pub rooms: Vec<String>,
    /// Empty: over whatever the person may use.
    pub transports: Vec<String>,
    pub any_room: bool,
    pub any_transport: bool,
}

impl AskedWords {
    pub fn of(ask: &Ask) -> Self {
        let roles = ask.roles.as_ref();
        let has = |role| roles.is_none_or(|roles| roles.contains(&role));
        let any_room = ask.rooms.as_ref().is_some_and(AnyOr::is_any);
        let any_transport = ask.transports.as_ref().is_some_and(AnyOr::is_any);
        let rooms = ask.rooms.as_ref().filter(|_| !any_room);
        let transports = ask.transports.as_ref().filter(|_| !any_transport);
        Self {
            deeds: match (has(Role::Publisher), has(Role::Subscriber)) {
                (true, true) => "publish and watch",
                (true, false) => "publish",
                (false, _) => "watch",
            },
            rooms: rooms.map(AnyOr::to_strings).unwrap_or_default(),
            transports: transports.map(AnyOr::to_strings).unwrap_or_default(),
            any_room,
            any_transport,
        }
    }
}

/// GET `/device`: its form is a POST to the same address.
#[derive(Debug, Clone, Template)]
#[template(path = "device_form.html")]
pub struct DeviceForm {
    pub frame: Frame,
    /// The code of the address, for comparison. It is not in the field, because typing it shows that the person has the
    /// device in view (RFC 8628 §5.4).
    pub of_address: Option<String>,
    /// What was typed.
    pub typed: String,
    /// Whether the typed code names no request that waits.
    pub is_wrong: bool,
    pub done: Option<Notice>,
}

/// POST `/device`: its form is a POST to `/device/decide`.
#[derive(Debug, Clone, Template)]
#[template(path = "device.html")]
pub struct DevicePage {
    pub frame: Frame,
    pub code: String,
    pub client_name: Shown,
    /// What the device calls itself.
    pub device_name: Option<Shown>,
    pub address: Option<String>,
    pub asked_at: DateTime<Utc>,
    pub asked: AskedWords,
    /// Why it cannot be approved.
    pub refused: Option<String>,
}

/// Leads to the provider, to sign in for a device.
#[derive(Debug, Clone, Template)]
#[template(path = "onward.html")]
pub struct OnwardPage {
    pub frame: Frame,
    pub url: String,
}

/// GET `/apps`
#[derive(Debug, Clone, Template)]
#[template(path = "apps.html")]
pub struct AppsPage {
    pub frame: Frame,
    pub rows: Vec<AppRow>,
    pub done: Option<Notice>,
}

/// An app that gets tokens for the person.
#[derive(Debug, Clone)]
pub struct AppRow {
    pub client: String,
    pub name: Shown,
    pub since: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}
