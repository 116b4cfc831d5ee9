use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn good() -> Map<String, Value> {
    object(json!({
        "group": "studio", "match": "exact", "roles": ["red5-publisher"], "transports": ["WHIP"],
        "rooms": ["studio-1"], "max_ttl_seconds": null, "valid_from": null, "valid_until": null,
        "enabled": true, "note": ""
    }))
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// The members as the API shows them.
fn shown(draft: &MappingDraft) -> Map<String, Value> {
    object(json!(draft))
}

/// The good mapping with one change.
fn with(change: impl FnOnce(&mut Map<String, Value>)) -> Result<MappingDraft, Vec<FieldError>> {
    let mut sent = good();
    change(&mut sent);
    MappingDraft::parse(sent)
}

fn fields(change: impl FnOnce(&mut Map<String, Value>)) -> Vec<String> {
    let errors = with(change).err().unwrap_or_default();
    errors.into_iter().map(|error| error.field).collect()
}

fn reason(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let errors = with(change).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].to_string()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

#[test]
fn a_good_mapping_is_taken_as_it_is() {
    let draft = MappingDraft::parse(good()).unwrap();
    assert_eq!(shown(&draft), good());
    assert!(draft.enabled());
    assert!(!draft.clone().with_enabled(false).enabled());
    assert_eq!(shown(&draft.with_enabled(false).with_enabled(true)), good());
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let wrong = object(json!({
        "group": "a\nb", "match": "exact",
        "roles": ["red5-publisher", "*", "Red5-Publisher"],
        "transports": ["WHIP", "*", "SRT"],
        "rooms": ["good", "a,b", "*", "{1}", "{user}", "x*{sub}", "**"],
        "max_ttl_seconds": 59, "valid_from": at(100), "valid_until": at(100),
        "enabled": true, "note": "\u{7}", "other": 1
    }));
    let errors = MappingDraft::parse(wrong).unwrap_err();
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "group",
            "roles[1]",
            "roles[2]",
            "transports[1]",
            "transports[2]",
            "rooms[1]",
            "rooms[2]",
            "rooms[3]",
            "rooms[4]",
            "rooms[5]",
            "rooms[6]",
            "max_ttl_seconds",
            "valid_until",
            "note",
            "other",
        ]
    );
}

#[test]
fn everyone_has_no_group_and_the_others_need_one() {
    let set = |group: Option<&str>, group_match: &str| {
        fields(|sent| {
            sent["group"] = json!(group);
            sent["match"] = json!(group_match);
        })
    };
    assert!(set(None, "everyone").is_empty());
    assert!(set(Some(""), "everyone").is_empty());
    assert!(set(Some("team-*"), "glob").is_empty());
    // A star is an ordinary character of an exact name.
    assert!(set(Some("team-*"), "exact").is_empty());
    for (group, group_match) in [
        (Some("staff"), "everyone"),
        (None, "exact"),
        (Some(""), "exact"),
        (None, "glob"),
        (Some("team"), "glob"),
        (Some("*********"), "glob"),
        (Some("a\0"), "exact"),
    ] {
        assert_eq!(
            set(group, group_match),
            ["group"],
            "{group:?} {group_match}"
        );
    }
    for word in ["", "Exact", "regex", " exact"] {
        assert_eq!(set(Some("staff"), word), ["match"], "{word:?}");
    }
    for group_match in ["exact", "glob"] {
        let missing = reason(|sent| {
            sent["group"] = json!(null);
            sent["match"] = json!(group_match);
        });
        assert_eq!(
            missing,
            "group: write the group as the identity provider sends it"
        );
    }
    assert!(set(Some(&"g".repeat(512)), "exact").is_empty());
    assert_eq!(set(Some(&"g".repeat(513)), "exact"), ["group"]);
    let everyone = with(|sent| {
        sent["group"] = json!("");
        sent["match"] = json!("everyone");
    });
    assert_eq!(everyone.unwrap().group().group(), None);
}

#[test]
fn a_capture_needs_a_glob_with_that_many_stars() {
    let set = |group: &str, group_match: &str, room: &str| {
        fields(|sent| {
            sent["group"] = json!(group);
            sent["match"] = json!(group_match);
            sent["rooms"] = json!([room]);
        })
    };
    assert!(set("a-*-*", "glob", "{2}-{1}").is_empty());
    assert_eq!(set("a-*-*", "glob", "{3}"), ["rooms[0]"]);
    assert_eq!(set("a-*-*", "exact", "{1}"), ["rooms[0]"]);
    assert_eq!(set("\n", "exact", "{1}"), ["group", "rooms[0]"]);
    assert_eq!(set("a", "everyone", "{1}"), ["group", "rooms[0]"]);
    // Where the glob itself is wrong, its stars are not blamed on the room.
    assert_eq!(set("", "glob", "{8}"), ["group"]);
    assert_eq!(set("a", "regex", "{8}"), ["match"]);
    assert_eq!(set("", "glob", "{9}"), ["group", "rooms[0]"]);
}

#[test]
fn max_ttl_is_a_minute_to_a_year() {
    let set = |seconds| fields(|sent| sent["max_ttl_seconds"] = json!(seconds));
    for good in [60, 61, 31_536_000] {
        assert!(set(good).is_empty(), "{good}");
        let draft = with(|sent| sent["max_ttl_seconds"] = json!(good)).unwrap();
        assert_eq!(draft.max_ttl_seconds().map(i64::from), Some(good));
        assert_eq!(shown(&draft)["max_ttl_seconds"], good);
    }
    for bad in [59, 0, -1, -60, 31_536_001, 1 << 32, i64::MAX, i64::MIN] {
        assert_eq!(set(bad), ["max_ttl_seconds"], "{bad}");
    }
}

#[test]
fn a_window_begins_before_it_ends() {
    let set = |from, until| {
        fields(|sent| {
            sent["valid_from"] = json!(from);
            sent["valid_until"] = json!(until);
        })
    };
    assert!(set(None, None).is_empty());
    assert!(set(Some(at(5)), None).is_empty());
    assert!(set(None, Some(at(5))).is_empty());
    assert!(set(Some(at(5)), Some(at(6))).is_empty());
    assert_eq!(set(Some(at(5)), Some(at(5))), ["valid_until"]);
    assert_eq!(set(Some(at(6)), Some(at(5))), ["valid_until"]);
    let draft = with(|sent| {
        sent["valid_from"] = json!(at(5));
        sent["valid_until"] = json!(at(6));
    });
    let draft = draft.unwrap();
    assert_eq!(draft.valid_from(), Some(at(5)));
    assert_eq!(draft.valid_until(), Some(at(6)));
}

#[test]
fn a_time_is_one_that_the_database_gives_back_unchanged() {
    let set = |time| {
        let both = fields(|sent| {
            sent["valid_from"] = json!(time);
            sent["valid_until"] = json!(time);
        });
        assert!(fields(|sent| sent["valid_from"] = json!(time)).len() <= 1);
        both
    };
    let odd = ["valid_from", "valid_until"];
    let day = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    for time in [
        "1969-12-31T23:59:59Z",
        "+10000-01-01T00:00:00Z",
        "1970-01-01T00:00:05.000000001Z",
        "2016-12-31T23:59:60Z",
    ] {
        let wrong = fields(|sent| {
            sent["valid_from"] = json!(time);
            sent["valid_until"] = json!(time);
        });
        assert_eq!(wrong, odd, "{time}");
    }
    // Storable, though a window from a moment to the same is not.
    for good in [
        day("1970-01-01T00:00:00Z"),
        day("9999-12-31T23:59:59.999999Z"),
        at(5) + TimeDelta::microseconds(1),
    ] {
        assert_eq!(set(good), ["valid_until"], "{good}");
        assert!(fields(|sent| sent["valid_until"] = json!(good)).is_empty());
    }
}

#[test]
fn ad_7_a_note_is_bounded_and_holds_no_control_characters_but_breaks() {
    let set = |note: &str| fields(|sent| sent["note"] = json!(note));
    assert!(set(&"é".repeat(NOTE_MAX)).is_empty());
    assert_eq!(set(&"é".repeat(NOTE_MAX + 1)), ["note"]);
    assert!(set("two\nlines\tand a tab").is_empty());
    for odd in ["\0", "\u{1b}[2J", "\u{85}", "\u{7f}"] {
        assert_eq!(set(odd), ["note"], "{odd:?}");
    }
    let note = with(|sent| sent["note"] = json!("a\r\nb\rc\nd")).unwrap();
    assert_eq!(note.note(), "a\nb\nc\nd");
}

proptest! {
    /// Export, import and export again give the same bytes.
    #[test]
    fn the_canonical_form_is_taken_back_unchanged(
        rooms in prop::collection::vec("[ab*.{}1sub-]{1,6}", 1..6),
        transports in prop::collection::vec("(RTMP|rtsp|whip|WHEP|\\*)", 1..4),
        glob in "[a*]{0,4}",
    ) {
        let parsed = with(|sent| {
            sent["group"] = json!(glob);
            sent["match"] = json!("glob");
            sent["roles"] = json!(["red5-subscriber", "red5-publisher"]);
            sent["rooms"] = json!(rooms);
            sent["transports"] = json!(transports);
        });
        if let Ok(draft) = parsed {
            prop_assert_eq!(MappingDraft::parse(shown(&draft)), Ok(draft));
        }
    }
}

// --- roles, transports and rooms ---

#[test]
fn r5_4_r5_5_an_empty_list_is_never_any() {
    assert_eq!(fields(|sent| drop(sent.remove("roles"))), ["roles"]);
    assert_eq!(
        fields(|sent| drop(sent.remove("transports"))),
        ["transports"]
    );
    assert_eq!(fields(|sent| drop(sent.remove("rooms"))), ["rooms"]);
    for list in ["roles", "transports", "rooms"] {
        assert_eq!(fields(|sent| sent[list] = json!([])), [list]);
    }
    assert_eq!(fields(|sent| sent["rooms"] = json!([""])), ["rooms[0]"]);
    assert_eq!(
        reason(|sent| drop(sent.remove("rooms"))),
        "rooms: write at least one room, or * for any"
    );
    assert_eq!(
        reason(|sent| drop(sent.remove("transports"))),
        "transports: choose at least one transport, or * for any"
    );
    assert_eq!(
        reason(|sent| drop(sent.remove("roles"))),
        "roles: choose at least one role"
    );
}

#[test]
fn a_star_means_any_and_stands_alone_and_is_never_a_role() {
    let draft = with(|sent| {
        sent["transports"] = json!(["*", "*"]);
        sent["rooms"] = json!(["*"]);
    });
    let draft = draft.unwrap();
    assert!(draft.transports().is_any());
    assert!(draft.rooms().is_any());
    assert_eq!(shown(&draft)["transports"], json!(["*"]));
    assert_eq!(shown(&draft)["rooms"], json!(["*"]));
    assert_eq!(fields(|sent| sent["roles"] = json!(["*"])), ["roles[0]"]);
    let beside = "* means any and stands alone: remove it, or remove the others";
    assert_eq!(
        reason(|sent| sent["rooms"] = json!(["a", "*"])),
        format!("rooms[1]: {beside}")
    );
    assert_eq!(
        reason(|sent| sent["transports"] = json!(["*", "WHIP"])),
        format!("transports[0]: {beside}")
    );
}

#[test]
fn lists_are_sorted_without_duplicates_and_transports_in_upper_case() {
    let draft = with(|sent| {
        sent["roles"] = json!(["red5-subscriber", "red5-publisher", "red5-subscriber"]);
        sent["transports"] = json!(["whip", "Rtmp", "WHEP", "RTMP", "rtsp"]);
        // By bytes, whatever kind of room each is.
        sent["rooms"] = json!(["{sub}", "b", "a*", "B", "b", "~x", "-"]);
    });
    let canonical = shown(&draft.unwrap());
    assert_eq!(
        canonical["roles"],
        json!(["red5-publisher", "red5-subscriber"])
    );
    assert_eq!(
        canonical["transports"],
        json!(["RTMP", "RTSP", "WHEP", "WHIP"])
    );
    assert_eq!(
        canonical["rooms"],
        json!(["-", "B", "a*", "b", "{sub}", "~x"])
    );
}

#[test]
fn a_role_or_transport_that_could_never_serve_is_refused() {
    let both = ["red5-publisher", "red5-subscriber"];
    let cases: [(&[&str], &[&str], &[&str]); 9] = [
        (&both[..1], &["WHEP"], &["roles", "transports"]),
        (&both[1..], &["WHIP"], &["roles", "transports"]),
        (&both[..1], &["WHIP", "WHEP"], &["transports"]),
        (&both[1..], &["RTMP", "WHIP"], &["transports"]),
        (&both, &["WHIP"], &["roles"]),
        (&both, &["WHIP", "WHEP"], &[]),
        (&both, &["RTSP"], &[]),
        (&both[..1], &["*"], &[]),
        (&both[1..], &["WHEP", "RTMP"], &[]),
    ];
    for (roles, transports, wrong) in cases {
        let found = fields(|sent| {
            sent["roles"] = json!(roles);
            sent["transports"] = json!(transports);
        });
        assert_eq!(found, wrong, "{roles:?} over {transports:?}");
    }
    assert_eq!(
        reason(|sent| sent["transports"] = json!(["WHIP", "WHEP"])),
        "transports: WHEP serves none of these roles (WHIP only publishes, WHEP only \
         subscribes): add a role or remove the transport"
    );
    // A misspelt role may have been the one that WHEP was meant for.
    let misspelt = fields(|sent| {
        sent["roles"] = json!(["red5-publisher", "subscriber"]);
        sent["transports"] = json!(["WHIP", "WHEP"]);
    });
    assert_eq!(misspelt, ["roles[1]"]);
}

#[test]
fn r5_6_no_room_outside_the_alphabet_is_written() {
    for room in [
        "a,admin", "a b", "a/b", "a\\b", "", ".", "..", "a\n", "\u{0}", "é", "{", "a{sub", "**",
    ] {
        let found = fields(|sent| sent["rooms"] = json!(["good", room]));
        assert_eq!(found, ["rooms[1]"], "{room:?}");
    }
    let long = "r".repeat(129);
    assert!(fields(|sent| sent["rooms"] = json!([&long[1..]])).is_empty());
    assert_eq!(fields(|sent| sent["rooms"] = json!([&long])), ["rooms[0]"]);
}

#[test]
fn lists_are_bounded() {
    let rooms = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("r{i}")).collect();
        fields(|sent| sent["rooms"] = json!(names))
    };
    assert!(rooms(ROOMS_MAX).is_empty());
    assert_eq!(rooms(ROOMS_MAX + 1), ["rooms"]);
    let roles = |n| fields(|sent| sent["roles"] = json!(vec!["red5-publisher"; n]));
    assert!(roles(16).is_empty());
    assert_eq!(roles(17), ["roles"]);
    let transports = |n| fields(|sent| sent["transports"] = json!(vec!["WHIP"; n]));
    assert!(transports(16).is_empty());
    assert_eq!(transports(17), ["transports"]);
}

// --- rows ---

fn stored(draft: MappingDraft) -> Mapping {
    let written = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    Mapping {
        id: MappingId(7),
        draft,
        version: 3,
        created_at: written,
        created_by: "ann".to_owned(),
        updated_at: written + TimeDelta::milliseconds(1500),
        updated_by: "bob".to_owned(),
        last_used_at: None,
    }
}

#[test]
fn a_row_is_written_in_the_words_and_the_order_of_the_api() {
    let draft = MappingDraft::parse(object(json!({
        "group": "show-*", "match": "glob", "roles": ["red5-publisher"],
        "transports": ["whip", "RTMP"], "rooms": ["show-{1}", "lobby"], "max_ttl_seconds": 120,
        "valid_from": "1970-01-01T00:00:00.25Z", "note": "a\nb"
    })));
    assert_eq!(
        serde_json::to_string(&stored(draft.unwrap())).unwrap(),
        concat!(
            r#"{"id":7,"group":"show-*","match":"glob","roles":["red5-publisher"],"#,
            r#""transports":["RTMP","WHIP"],"rooms":["lobby","show-{1}"],"#,
            r#""max_ttl_seconds":120,"valid_from":"1970-01-01T00:00:00Z","#,
            r#""valid_until":null,"enabled":true,"note":"a\nb","version":3,"#,
            r#""created_at":"2026-11-18T11:06:40Z","created_by":"ann","#,
            r#""updated_at":"2026-11-18T11:06:41Z","updated_by":"bob","last_used_at":null}"#
        )
    );
}

#[test]
fn everyone_has_a_null_group_and_any_is_a_star() {
    let draft = MappingDraft::parse(object(json!({
        "match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["*"]
    })));
    let json = serde_json::to_string(&stored(draft.unwrap())).unwrap();
    assert!(
        json.starts_with(concat!(
            r#"{"id":7,"group":null,"match":"everyone","roles":["red5-subscriber"],"#,
            r#""transports":["*"],"rooms":["*"],"max_ttl_seconds":null,"#
        )),
        "{json}"
    );
    assert_eq!(MappingId(7).to_string(), "7");
}

#[test]
fn a_row_comes_back_with_every_part_of_a_second() {
    let draft = with(|sent| sent["valid_from"] = json!("1970-01-01T00:00:05.000001Z")).unwrap();
    let mut row = draft.to_row().unwrap();
    assert_eq!(row["group_name"], "studio");
    assert_eq!(row.remove("group"), None);
    let others = object(json!({
        "id": 7, "version": 3, "created_at": "2026-11-18T11:06:40+00:00", "created_by": "ann",
        "updated_at": "2026-11-18T11:06:41.5+00:00", "updated_by": "bob", "of_a_newer_version": 1
    }));
    row.extend(others);
    assert_eq!(Mapping::from_row(row.clone()), Ok(stored(draft)));
    // What is not a mapping grants nothing.
    row["rooms"] = json!([]);
    assert_eq!(Mapping::from_row(row.clone()).unwrap_err().len(), 1);
    row.remove("rooms");
    row["version"] = json!(null);
    assert_eq!(Mapping::from_row(row).unwrap_err().len(), 1);
}

#[test]
fn a_limit_that_is_sent_back_as_it_was_shown_does_not_move() {
    let window = |from: &str, until: &str| {
        with(|sent| {
            sent["valid_from"] = json!(from);
            sent["valid_until"] = json!(until);
        })
        .unwrap()
    };
    let stored = window("2026-11-24T15:00:00.5Z", "2026-11-24T16:00:00.25Z");
    let sent_back = MappingDraft::parse(shown(&stored)).unwrap();
    assert_eq!(shown(&stored)["valid_from"], "2026-11-24T15:00:00Z");
    assert_eq!(sent_back.with_seconds_of(&stored), stored);
    let moved = window("2026-11-24T15:00:00.7Z", "2026-11-24T16:00:01Z");
    assert_eq!(moved.clone().with_seconds_of(&stored), moved);
    let opened = MappingDraft::parse(good()).unwrap();
    assert_eq!(opened.clone().with_seconds_of(&stored), opened);
    // What the stored limit keeps would put it behind the other one.
    let short = window("2026-11-24T15:00:00Z", "2026-11-24T15:00:00.4Z");
    assert_eq!(short.clone().with_seconds_of(&stored), short);
}

#[test]
fn the_fields_of_a_form_and_the_columns_are_those_of_a_mapping() {
    let draft = MappingDraft::parse(good()).unwrap();
    let mut names = FIELDS.map(|field| field.name);
    names.sort_unstable();
    assert!(shown(&draft).keys().eq(names.iter()));
    macro_rules! listed {
        ($columns:literal) => {
            $columns.split(", ").collect()
        };
    }
    let mut columns: Vec<&str> = with_mapping_columns!(listed);
    columns.sort_unstable();
    assert!(draft.to_row().unwrap().keys().eq(columns.iter()));
}
