//! Clients: the list, the form, their secrets, and the page that asks before one is deleted.

use askama::Template;
use serde_json::{Map, Value, json};
use strum::VariantArray;

use super::frame::Frame;
use super::line_errors::{self, LineError, LineField};
use super::paging::Paging;
use super::shown::Shown;
use super::{times, words};
use crate::domain::client::{
    Client, ClientDraft, ClientId, ClientKind, GrantType, RedirectUri, default_origins,
};
use crate::domain::members::{FieldError, together};
use crate::domain::names::{Role, Transport};
use crate::flow::oauth::clients::{ClientHoldings, ClientSecret, SECRETS_MAX};
use crate::web::form::{Form, Repeated, filled};

/// The fields of the form in their order.
const FIELDS: [LineField; 13] = [
    ("name", "name", "Name"),
    ("id", "id", "Id"),
    ("kind", "kind", "Kind"),
    ("grants", "grants", "How it gets tokens"),
    ("redirect_uris", "redirect_uris", "Redirect addresses"),
    ("origins", "origins", "Origins"),
    ("trusted", "trusted", "Trusted"),
    ("roles", "max.roles", "At most: may"),
    ("rooms", "max.rooms", "At most: rooms"),
    ("transports", "max.transports", "At most: protocols"),
    ("max_ttl_seconds", "max_ttl_seconds", "Longest token"),
    ("enabled", "enabled", "Enabled"),
    ("note", "note", "Note"),
];

/// Fields that a form may send more than once.
const CHECKED: [&str; 3] = ["grants", "roles", "transports"];

/// The hint for a list that is filled in although the choice beside it is "all".
const ONE_OF_TWO: &str = "choose one of the two: what is written here does not count there";

/// A grant type in words, and its name in the API.
fn grant_words(grant: GrantType) -> (&'static str, &'static str) {
    let words = match grant {
        GrantType::AuthorizationCode => "People sign in to it with a browser",
        GrantType::RefreshToken => "It renews tokens while they stay signed in",
        GrantType::DeviceCode => "People approve it on another device, as an encoder",
        GrantType::TokenExchange => "It exchanges tokens of the identity provider",
    };
    (words, grant.into())
}

fn kind_words(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Public => "Public",
        ClientKind::Confidential => "Confidential",
    }
}

/// GET `/admin/clients`
#[derive(Debug, Clone, Template)]
#[template(path = "clients.html")]
pub struct ClientList {
    pub frame: Frame,
    pub rows: Vec<ListedClient>,
    pub paging: Paging,
    /// Text to which the list is narrowed; empty for all clients.
    pub text: String,
    /// What the page before this one did, as a sentence; and whether that is what the administrator wanted.
    pub done: Option<(&'static str, bool)>,
}

/// A client as pages show it.
#[derive(Debug, Clone)]
pub struct ListedClient(pub Client);

impl ListedClient {
    fn name(&self) -> Shown {
        Shown(self.0.draft.name.clone())
    }

    fn note(&self) -> Shown {
        Shown(self.0.draft.note.clone())
    }

    fn kind(&self) -> &'static str {
        kind_words(self.0.draft.kind)
    }

    fn has_secrets(&self) -> bool {
        self.0.draft.kind == ClientKind::Confidential
    }

    fn grants(&self) -> Vec<&'static str> {
        let grants = self.0.draft.grants.iter();
        grants.map(|grant| grant_words(*grant).1).collect()
    }
}

/// GET `/admin/clients/{id}/delete`. Its form: POST to the same address with `version` and `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "client_delete.html")]
pub struct ClientDelete {
    pub frame: Frame,
    pub row: ListedClient,
    /// What ends with it.
    pub ends: ClientHoldings,
    /// Whether it was not deleted because of another edit.
    pub changed_meanwhile: bool,
}

/// GET and POST `/admin/clients/{id}/secrets`, and the answer to the registration of a confidential client. Its
/// forms: POST to that address, with `secret` to end one, and without to make another.
#[derive(Template)]
#[template(path = "client_secrets.html")]
pub struct ClientSecretsPage {
    pub frame: Frame,
    pub row: ListedClient,
    /// Oldest first.
    pub secrets: Vec<ClientSecret>,
    /// The secret that was just made; shown only this once.
    pub made: Option<String>,
    /// What was done, as a sentence; and whether that is what the administrator wanted.
    pub done: Option<(&'static str, bool)>,
}

impl ClientSecretsPage {
    fn may_make_another(&self) -> bool {
        i64::try_from(self.secrets.len()).is_ok_and(|valid| valid < SECRETS_MAX)
    }
}

/// GET `/admin/clients/new` and `/admin/clients/{id}/edit`, and the answers with 400, 403, 404, 409 and 412. The
/// form is a POST to `/admin/clients`, or to `/admin/clients/{id}/edit` with `version`; both with `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "client_form.html")]
pub struct ClientForm {
    pub frame: Frame,
    /// Id of the client that is edited, and the version that was read; `None` for a new one.
    pub editing: Option<(ClientId, i64)>,
    /// What the fields hold.
    pub typed: TypedClient,
    /// What is wrong with the fields, by the names of the API's members.
    pub errors: Vec<FieldError>,
    /// Why nothing was saved, if the reason is not a wrong field.
    pub not_saved: Option<ClientNotSaved>,
}

/// Why a client was not saved.
#[derive(Debug, Clone)]
pub enum ClientNotSaved {
    /// The form is from a page of an earlier session (403).
    SessionChanged,
    /// The client was deleted meanwhile (404); saving registers a new one.
    Gone(ClientId),
    /// Another edit came first (412); this is the client as it is now.
    Stale(Box<TypedClient>),
}

/// The fields of the form, exactly as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedClient(Form);

impl Default for TypedClient {
    /// A new client: an app in a browser.
    fn default() -> Self {
        let fields = [
            ("kind", "public"),
            ("grants", "authorization_code"),
            ("grants", "refresh_token"),
            ("enabled", "true"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(Form::new(fields.into()))
    }
}

impl TypedClient {
    /// As it was sent.
    ///
    /// # Errors
    /// If a field that the page sends once is there twice.
    pub fn sent(form: Form) -> Result<Self, Repeated> {
        let once = FIELDS.iter().map(|(name, ..)| *name);
        let once = once.filter(|name| !CHECKED.contains(name));
        for name in once.chain(["origins_are", "max_is", "rooms_are", "transports_are"]) {
            form.one(name)?;
        }
        Ok(Self(form))
    }

    /// What the form holds when this client is opened.
    pub fn of(draft: &ClientDraft) -> Self {
        let mut fields = Vec::new();
        let mut add = |name: &str, text: &str| fields.push((name.to_owned(), text.to_owned()));
        add("name", &draft.name);
        add("kind", draft.kind.into());
        for grant in &draft.grants {
            add("grants", grant.into());
        }
        let uris = draft.redirect_uris.iter().map(RedirectUri::as_str);
        add("redirect_uris", &uris.collect::<Vec<_>>().join("\n"));
        if draft.origins != default_origins(&draft.redirect_uris) {
            add("origins_are", "listed");
            add("origins", &draft.origins.join("\n"));
        }
        if let Some(max) = &draft.max {
            add("max_is", "stated");
            for role in max.roles.to_strings() {
                add("roles", &role);
            }
            let (rooms, transports) = (max.rooms.to_strings(), max.transports.to_strings());
            if max.rooms.is_any() {
                add("rooms_are", "any");
            } else {
                add("rooms", &rooms.join("\n"));
            }
            if max.transports.is_any() {
                add("transports_are", "any");
            } else {
                for name in transports {
                    add("transports", &name);
                }
            }
        }
        if let Some(seconds) = draft.max_ttl_seconds {
            add("max_ttl_seconds", &seconds.to_string());
        }
        for (name, is_on) in [("trusted", draft.trusted), ("enabled", draft.enabled)] {
            if is_on {
                add(name, "true");
            }
        }
        add("note", &draft.note);
        Self(Form::new(fields))
    }

    /// Judges the form by the same rules as JSON. The id is `None` if none was chosen.
    ///
    /// # Errors
    /// Each invalid field.
    pub fn read(&self) -> Result<(Option<ClientId>, ClientDraft), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut sent = Map::new();
        let mut add = |name: &str, value: Value| sent.insert(name.to_owned(), value);
        if let Some(id) = filled(&self.text("id")) {
            add("id", json!(id));
        }
        for name in ["name", "kind", "note"] {
            add(name, json!(self.text(name)));
        }
        for name in ["trusted", "enabled"] {
            add(name, json!(self.has(name, "true")));
        }
        add("grants", json!(self.0.all("grants").collect::<Vec<_>>()));
        add("redirect_uris", json!(self.lines("redirect_uris")));
        let origins = self.lines("origins");
        if self.has("origins_are", "listed") {
            add("origins", json!(origins));
        } else if !origins.is_empty() {
            errors.push(FieldError::new("origins", ONE_OF_TWO));
        }
        if self.has("max_is", "stated") {
            add("max", self.max(&mut errors));
        } else if self.says_at_most() {
            errors.push(FieldError::new("max.roles", ONE_OF_TWO));
        }
        if let Some(seconds) = filled(&self.text("max_ttl_seconds")) {
            // What is no number is refused like a number that is out of bounds.
            add("max_ttl_seconds", json!(seconds.parse().unwrap_or(-1_i64)));
        }
        let judged = together(errors, ClientDraft::parse(sent));
        judged.map_err(|mut errors| {
            line_errors::sort(&mut errors, &FIELDS);
            errors
        })
    }

    /// `max` as JSON. A list in which "any" is chosen too would allow everything.
    fn max(&self, errors: &mut Vec<FieldError>) -> Value {
        let roles: Vec<&str> = self.0.all("roles").collect();
        let mut max = json!({ "roles": roles });
        let transports = self.0.all("transports").collect();
        for (name, words) in [("rooms", self.lines("rooms")), ("transports", transports)] {
            let is_any = self.has(&format!("{name}_are"), "any");
            if is_any && !words.is_empty() {
                errors.push(FieldError::new(format!("max.{name}"), ONE_OF_TWO));
            }
            max[name] = if is_any { json!(["*"]) } else { json!(words) };
        }
        max
    }

    /// Whether the form has a limit for what the tokens may carry.
    fn says_at_most(&self) -> bool {
        let lists = ["roles", "rooms", "transports"];
        let is_any = ["rooms_are", "transports_are"]
            .iter()
            .any(|name| self.has(name, "any"));
        is_any || lists.iter().any(|name| !self.lines(name).is_empty())
    }

    fn text(&self, name: &str) -> String {
        self.0.text(name)
    }

    fn has(&self, name: &str, word: &str) -> bool {
        self.0.all(name).any(|typed| typed == word)
    }

    fn lines<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let lines = line_errors::lines(&self.0, name).into_iter();
        lines.map(str::trim).collect()
    }

    /// A field line by line, to be compared. Lists of words are compared as sets.
    fn shown(&self, name: &str) -> Vec<Shown> {
        let sorted = |name: &'static str| {
            let mut words = self.lines(name);
            words.sort_unstable();
            words.dedup();
            words
        };
        let any_or = |name: &'static str, are: &str, any: &'static str| {
            if self.has(are, "any") {
                vec![any]
            } else {
                sorted(name)
            }
        };
        let text = match name {
            "trusted" | "enabled" if self.has(name, "true") => "yes".to_owned(),
            "trusted" | "enabled" => "no".to_owned(),
            "grants" => sorted("grants").join("\n"),
            "redirect_uris" => self.lines(name).join("\n"),
            "origins" if self.has("origins_are", "listed") => self.lines(name).join("\n"),
            "origins" => "those of the redirect addresses".to_owned(),
            "max" if self.has("max_is", "stated") => {
                let roles = sorted("roles").into_iter().map(words::role_word);
                let rooms = any_or("rooms", "rooms_are", "any room");
                let transports = any_or("transports", "transports_are", "any protocol");
                let all = roles.chain(rooms).chain(transports);
                all.collect::<Vec<_>>().join("\n")
            }
            "max" => "whatever is granted".to_owned(),
            _ => self.text(name),
        };
        Shown(text).lines()
    }
}

impl ClientForm {
    fn form_errors(&self) -> impl Iterator<Item = LineError> {
        let errors = self.errors.iter();
        errors
            .map(|error| LineError::of(error, &FIELDS, &self.typed.0, in_words_of_the_form(error)))
    }

    fn errors_at(&self, name: &str) -> Vec<LineError> {
        let errors = self.form_errors();
        errors.filter(|error| error.control == name).collect()
    }

    fn has_error(&self, name: &str) -> bool {
        !self.errors_at(name).is_empty()
    }

    fn has_problem(&self) -> bool {
        let is_problem = |not: &ClientNotSaved| !matches!(not, ClientNotSaved::SessionChanged);
        !self.errors.is_empty() || self.not_saved.as_ref().is_some_and(is_problem)
    }

    /// Each grant type in words, and its name in the API.
    fn grant_types() -> impl Iterator<Item = (&'static str, &'static str)> {
        GrantType::VARIANTS.iter().map(|grant| grant_words(*grant))
    }

    /// Whether the client that is edited has secrets.
    fn has_secrets(&self) -> bool {
        self.editing.is_some() && self.typed.has("kind", "confidential")
    }

    /// The fields that can differ: as they are now, and as they were typed, line by line.
    fn compared(&self, now: &TypedClient) -> Vec<(&'static str, [Vec<Shown>; 2])> {
        let once = FIELDS
            .into_iter()
            .filter(|(_, member, _)| !member.starts_with("max."));
        let once = once.filter(|(name, ..)| !matches!(*name, "id" | "kind"));
        let fields = once.map(|(name, _, label)| (name, label));
        let compared = fields.chain([("max", "At most")]).map(|(name, label)| {
            let sides = [now, &self.typed].map(|typed| typed.shown(name));
            (label, sides)
        });
        compared.collect()
    }
}

/// Rewrites a reason of `domain::client`, which speaks of the members of JSON.
fn in_words_of_the_form(error: &FieldError) -> String {
    let list = error.reason.starts_with("must be a list of one or more");
    match error.field.as_str() {
        "kind" if error.reason.starts_with("must be") => "choose one of these".to_owned(),
        "grants" | "max.roles" if list => "choose one or more".to_owned(),
        "max.rooms" | "max.transports" if list => "name one or more, or choose any".to_owned(),
        "grants" => error.reason.replace(
            "refresh_token needs authorization_code or device_code beside it",
            "there is nothing to renew: choose the first or the third too",
        ),
        "redirect_uris" => error.reason.replace(
            "must have one or more addresses for authorization_code",
            "name one or more: that is where people come back to after signing in",
        ),
        "max_ttl_seconds" => error.reason.replace("left out", "empty"),
        _ => error.reason.replace(
            "a transport is RTMP, RTSP, WHIP or WHEP; for any write * alone",
            "a protocol is RTMP, RTSP, WHIP or WHEP",
        ),
    }
}
