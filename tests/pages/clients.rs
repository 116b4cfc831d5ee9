//! OAuth clients, their secrets, and the apps of a person.

use serde_json::{Value, json};

use super::people::at;
use super::{END_TAG, Sample, TAG, TURNED, paging, person, sample, shown, signed_out, unbroken};
use crate::domain::client::{Client, ClientDraft, ClientId};
use crate::domain::grant::Ask;
use crate::domain::members::FieldError;
use crate::flow::oauth::clients::{ClientHoldings, ClientSecret};
use crate::web::form::Form;
use crate::web::views::{
    AppRow, AppsPage, AskedWords, ClientDelete, ClientForm, ClientList, ClientNotSaved,
    ClientSecretsPage, ConsentPage, DeviceForm, DevicePage, ErrorCodes, ListedClient, Notice,
    OnwardPage, TypedClient,
};

fn draft(sent: Value) -> ClientDraft {
    ClientDraft::parse(serde_json::from_value(sent).unwrap())
        .unwrap()
        .1
}

fn plain() -> ClientDraft {
    draft(json!({
        "name": "Studio App", "kind": "public", "grants": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://studio.example.com/done"],
    }))
}

fn hostile() -> ClientDraft {
    let long = format!("https://app.example.com/{}", &unbroken()[..300]);
    draft(json!({
        "name": format!("{END_TAG}{TURNED}"), "kind": "confidential", "trusted": true,
        "grants": ["authorization_code", "refresh_token", "device_code", "token_exchange"],
        "redirect_uris": [long, "com.example.app:/done", "http://127.0.0.1/done"],
        "origins": [], "max_ttl_seconds": 60, "enabled": false, "note": TAG,
        "max": {"roles": ["red5-publisher", "red5-subscriber"], "transports": ["WHIP", "RTMP"], "rooms": [&unbroken()[..128], "b"]},
    }))
}

fn row(id: &str, draft: ClientDraft) -> ListedClient {
    ListedClient(Client {
        id: ClientId::parse(id).unwrap(),
        draft,
        version: 3,
        created_at: at("2026-11-20T09:30:00Z"),
        created_by: "ann".to_owned(),
        updated_at: at("2026-11-24T15:04:05Z"),
        updated_by: TURNED.to_owned(),
    })
}

fn long_id() -> String {
    unbroken()[..64].to_owned()
}

fn list(rows: Vec<ListedClient>, text: &str, done: Option<(&'static str, bool)>) -> ClientList {
    let total = if rows.is_empty() { 0 } else { 132 };
    ClientList {
        frame: person("Ann Lee", true),
        paging: paging("/red5/admin/clients?limit=50", rows.len(), total, 50),
        rows,
        text: text.to_owned(),
        done,
    }
}

fn form(typed: TypedClient) -> ClientForm {
    ClientForm {
        frame: person("Ann Lee", true),
        editing: Some((ClientId::parse("studio-app").unwrap(), 3)),
        errors: typed.read().err().unwrap_or_default(),
        typed,
        not_saved: None,
    }
}

fn not_saved(why: ClientNotSaved) -> ClientForm {
    ClientForm {
        not_saved: Some(why),
        ..form(TypedClient::of(&plain()))
    }
}

fn secret(number: u32) -> ClientSecret {
    ClientSecret {
        id: format!("5f0c1f6e-4a0b-4b8e-9d7a-{number:012}"),
        created_at: at("2026-11-24T15:04:05Z"),
    }
}

fn secrets(
    row: ListedClient,
    count: u32,
    made: Option<&str>,
    done: Option<(&'static str, bool)>,
) -> ClientSecretsPage {
    ClientSecretsPage {
        frame: person("Ann Lee", true),
        row,
        secrets: (0..count).map(secret).collect(),
        made: made.map(str::to_owned),
        done,
    }
}

fn typed(fields: &[(&str, &str)]) -> TypedClient {
    let fields = fields.iter();
    let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TypedClient::sent(Form::new(fields.collect())).unwrap()
}

#[expect(clippy::too_many_lines, reason = "one list of samples")]
pub fn samples() -> Vec<Sample> {
    const SECRET: &str = "vW3C0d9bQm1rYx7kTz5nLhS2gAeFjUi8oPqRwXyZ0aE";
    let wrong = typed(&[
        ("name", ""),
        ("id", TAG),
        (
            "redirect_uris",
            "https://app.example.com/done\r\n\r\nhttp://app.example.com/\r\n</textarea>",
        ),
        ("origins", END_TAG),
        ("max_is", "stated"),
        ("rooms", "a/b"),
        ("transports", "WHIP"),
        ("transports_are", "any"),
        ("max_ttl_seconds", "an hour"),
        ("note", "bad\u{7}"),
    ]);
    let blank = |typed: TypedClient| ClientForm {
        editing: None,
        ..form(typed)
    };
    let new = ClientForm {
        errors: Vec::new(),
        ..blank(TypedClient::default())
    };
    let kind = ClientForm {
        errors: vec![FieldError::new(
            "kind",
            "cannot change: register another client, and delete this one",
        )],
        ..form(TypedClient::of(&plain()))
    };
    let gone = ClientForm {
        editing: None,
        ..not_saved(ClientNotSaved::Gone(ClientId::parse(&long_id()).unwrap()))
    };
    let delete = |row, many: i64, changed_meanwhile| ClientDelete {
        frame: person("Ann Lee", true),
        row,
        ends: ClientHoldings {
            consents: many,
            refresh_tokens: many,
        },
        changed_meanwhile,
    };
    let rows = vec![
        row("studio-app", plain()),
        row("a", hostile()),
        row(&long_id(), hostile()),
    ];
    vec![
        sample(
            "clients",
            &list(rows, TAG, Some(("The client is registered.", true))),
        ),
        sample(
            "clients-none",
            &list(
                Vec::new(),
                "",
                Some(("That client is not there any more.", false)),
            ),
        ),
        sample("clients-none-fit", &list(Vec::new(), TAG, None)),
        sample("client-new", &new),
        sample("client-edit", &form(TypedClient::of(&plain()))),
        sample("client-hostile", &form(TypedClient::of(&hostile()))),
        sample("client-errors", &blank(wrong)),
        sample("client-kind", &kind),
        sample("client-session", &not_saved(ClientNotSaved::SessionChanged)),
        sample("client-gone", &gone),
        sample(
            "client-conflict",
            &not_saved(ClientNotSaved::Stale(Box::new(TypedClient::of(&hostile())))),
        ),
        sample(
            "client-delete",
            &delete(row("studio-app", plain()), 1, false),
        ),
        sample(
            "client-delete-stale",
            &delete(row(&long_id(), hostile()), 12_345, true),
        ),
        sample(
            "client-secrets",
            &secrets(
                row("studio-app", hostile()),
                1,
                None,
                Some(("The secret is over.", true)),
            ),
        ),
        sample(
            "client-secrets-none",
            &secrets(row("studio-app", hostile()), 0, None, None),
        ),
        sample(
            "client-secrets-made",
            &secrets(row(&long_id(), hostile()), 2, Some(SECRET), None),
        ),
        sample(
            "client-registered",
            &secrets(
                row("studio-app", hostile()),
                1,
                Some(SECRET),
                Some(("The client is registered.", true)),
            ),
        ),
        sample(
            "error-codes",
            &ErrorCodes {
                frame: signed_out(),
            },
        ),
    ]
    .into_iter()
    .chain(of_people())
    .chain(of_devices())
    .collect()
}

fn of_people() -> Vec<Sample> {
    let app = |client: &str, name: &str, used: Option<&str>| AppRow {
        client: client.to_owned(),
        name: shown(name),
        since: at("2026-11-20T09:30:00Z"),
        last_used_at: used.map(at),
    };
    let apps = |rows, query: &str| AppsPage {
        frame: person("Vic Viewer", false),
        rows,
        done: Notice::of(&Form::parse(query.as_bytes()).unwrap()),
    };
    let consent = |name: &str, address: &str, words: &str| ConsentPage {
        frame: person("Vic Viewer", false),
        client_name: shown(name),
        address: shown(address),
        asked: AskedWords::of(&Ask::of_words(words).unwrap()),
        query: format!(
            "client_id=studio-app&state={}",
            url::form_urlencoded::byte_serialize(TAG.as_bytes()).collect::<String>()
        ),
    };
    let rows = vec![
        app("studio-app", "Studio App", Some("2026-11-24T15:04:05Z")),
        app("wall", TAG, None),
        app(&long_id(), &unbroken()[..100], None),
        app("turned", TURNED, None),
    ];
    let rooms = (0..40).map(|number| format!("room:{}-{number}", &unbroken()[..100]));
    let rooms = rooms.collect::<Vec<_>>().join(" ");
    vec![
        sample("apps", &apps(rows, "done=app-ended")),
        sample("apps-none", &apps(Vec::new(), "done=app-gone")),
        sample(
            "consent",
            &consent("Studio App", "https://studio.example.com", ""),
        ),
        sample(
            "consent-named",
            &consent(
                "Studio App",
                "com.example.app:",
                "red5-publisher room:studio-1 transport:WHIP",
            ),
        ),
        sample(
            "consent-hostile",
            &consent(
                &format!("{TAG}{TURNED}"),
                "https://app.example.com",
                &format!("red5-subscriber transport:* {rooms}"),
            ),
        ),
    ]
}

fn of_devices() -> Vec<Sample> {
    let form = |code: &str, is_wrong: bool, query: &str| DeviceForm {
        frame: person("Vic Viewer", false),
        of_address: Some(code.to_owned()).filter(|code| !is_wrong && !code.is_empty()),
        typed: if is_wrong { code } else { "" }.to_owned(),
        is_wrong,
        done: Notice::of(&Form::parse(query.as_bytes()).unwrap()),
    };
    let device = |client: &str, name: Option<&str>, words: &str| DevicePage {
        frame: person("Vic Viewer", false),
        code: "WDJB-MJHT".to_owned(),
        client_name: shown(client),
        device_name: name.map(shown),
        address: Some("2001:db8:1234:5678:9abc:def0:1234:5678".to_owned()),
        asked_at: at("2026-11-24T15:04:05Z"),
        asked: AskedWords::of(&Ask::of_words(words).unwrap()),
        refused: None,
    };
    vec![
        sample("device-form", &form("", false, "")),
        sample("device-form-code", &form("WDJB-MJHT", false, "")),
        sample("device-form-wrong", &form(TAG, true, "")),
        sample(
            "device-form-connected",
            &form("", false, "done=device-connected"),
        ),
        sample("device-form-gone", &form("", false, "done=device-gone")),
        sample(
            "device",
            &DevicePage {
                address: None,
                ..device("Field Encoder", None, "")
            },
        ),
        sample(
            "device-long",
            &device(
                &unbroken()[..100],
                Some(&unbroken()[..64]),
                "red5-publisher room:studio-1 transport:WHIP",
            ),
        ),
        sample(
            "device-hostile",
            &device(TAG, Some(&format!("{END_TAG}{TURNED}")), ""),
        ),
        sample(
            "device-refused",
            &DevicePage {
                refused: Some(TAG.to_owned()),
                ..device("Field Encoder", Some("Camera 3"), "")
            },
        ),
        sample(
            "onward",
            &OnwardPage {
                frame: person("Vic Viewer", false),
                url: format!("https://login.example.com/authorize?state={TAG}"),
            },
        ),
    ]
}
