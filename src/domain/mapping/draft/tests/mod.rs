mod lists;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn good() -> MappingInput {
    MappingInput {
        group: Some("studio".to_owned()),
        group_match: "exact".to_owned(),
        roles: words(&["red5-publisher"]),
        transports: words(&["WHIP"]),
        rooms: words(&["studio-1"]),
        enabled: true,
        ..MappingInput::default()
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The good mapping with one change.
fn with(change: impl FnOnce(&mut MappingInput)) -> Result<MappingDraft, Vec<FieldError>> {
    let mut input = good();
    change(&mut input);
    MappingDraft::parse(input)
}

fn fields(change: impl FnOnce(&mut MappingInput)) -> Vec<String> {
    let errors = with(change).err().unwrap_or_default();
    errors.into_iter().map(|error| error.field).collect()
}

fn reason(change: impl FnOnce(&mut MappingInput)) -> String {
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
    assert_eq!(draft.to_input(), good());
    assert!(draft.enabled());
    assert!(!draft.clone().with_enabled(false).enabled());
    assert_eq!(
        draft.with_enabled(false).with_enabled(true).to_input(),
        good()
    );
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let wrong = MappingInput {
        group: Some("a\nb".to_owned()),
        group_match: "exact".to_owned(),
        roles: words(&["red5-publisher", "*", "Red5-Publisher"]),
        transports: words(&["WHIP", "*", "SRT"]),
        rooms: words(&["good", "a,b", "*", "{1}", "{user}", "x*{sub}", "**"]),
        max_ttl_seconds: Some(59),
        valid_from: Some(at(100)),
        valid_until: Some(at(100)),
        enabled: true,
        note: "\u{7}".to_owned(),
    };
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
        ]
    );
}

#[test]
fn everyone_has_no_group_and_the_others_need_one() {
    let set = |group: Option<&str>, group_match: &str| {
        fields(|input| {
            input.group = group.map(str::to_owned);
            input.group_match = group_match.to_owned();
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
        let missing = reason(|input| {
            input.group = None;
            input.group_match = group_match.to_owned();
        });
        assert_eq!(
            missing,
            "group: write the group as the identity provider sends it"
        );
    }
    assert!(set(Some(&"g".repeat(512)), "exact").is_empty());
    assert_eq!(set(Some(&"g".repeat(513)), "exact"), ["group"]);
    let everyone = with(|input| {
        input.group = Some(String::new());
        input.group_match = "everyone".to_owned();
    });
    assert_eq!(everyone.unwrap().to_input().group, None);
}

#[test]
fn a_capture_needs_a_glob_with_that_many_stars() {
    let set = |group: &str, group_match: &str, room: &str| {
        fields(|input| {
            input.group = Some(group.to_owned());
            input.group_match = group_match.to_owned();
            input.rooms = words(&[room]);
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
    let set = |seconds| fields(|input| input.max_ttl_seconds = Some(seconds));
    for good in [60, 61, 31_536_000] {
        assert!(set(good).is_empty(), "{good}");
        let draft = with(|input| input.max_ttl_seconds = Some(good)).unwrap();
        assert_eq!(draft.max_ttl_seconds().map(i64::from), Some(good));
        assert_eq!(draft.to_input().max_ttl_seconds, Some(good));
    }
    for bad in [59, 0, -1, -60, 31_536_001, 1 << 32, i64::MAX, i64::MIN] {
        assert_eq!(set(bad), ["max_ttl_seconds"], "{bad}");
    }
}

#[test]
fn a_window_begins_before_it_ends() {
    let set = |from, until| {
        fields(|input| {
            input.valid_from = from;
            input.valid_until = until;
        })
    };
    assert!(set(None, None).is_empty());
    assert!(set(Some(at(5)), None).is_empty());
    assert!(set(None, Some(at(5))).is_empty());
    assert!(set(Some(at(5)), Some(at(6))).is_empty());
    assert_eq!(set(Some(at(5)), Some(at(5))), ["valid_until"]);
    assert_eq!(set(Some(at(6)), Some(at(5))), ["valid_until"]);
    let draft = with(|input| {
        input.valid_from = Some(at(5));
        input.valid_until = Some(at(6));
    });
    let window = draft.unwrap().window();
    assert_eq!((window.from, window.until), (Some(at(5)), Some(at(6))));
}

#[test]
fn a_time_is_one_that_the_database_gives_back_unchanged() {
    let set = |time| {
        let both = fields(|input| {
            input.valid_from = Some(time);
            input.valid_until = Some(time);
        });
        assert!(fields(|input| input.valid_from = Some(time)).len() <= 1);
        both
    };
    let odd = ["valid_from", "valid_until"];
    let day = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(set(day("1969-12-31T23:59:59Z")), odd);
    assert_eq!(set(day("+10000-01-01T00:00:00Z")), odd);
    assert_eq!(set(at(5) + TimeDelta::nanoseconds(1)), odd);
    assert_eq!(set(day("2016-12-31T23:59:60Z")), odd, "a leap second");
    // Storable, though a window from a moment to the same is not.
    for good in [
        day("1970-01-01T00:00:00Z"),
        day("9999-12-31T23:59:59.999999Z"),
        at(5) + TimeDelta::microseconds(1),
    ] {
        assert_eq!(set(good), ["valid_until"], "{good}");
        assert!(fields(|input| input.valid_until = Some(good)).is_empty());
    }
}

#[test]
fn ad_7_a_note_is_bounded_and_holds_no_control_characters_but_breaks() {
    let set = |note: &str| fields(|input| input.note = note.to_owned());
    assert!(set(&"é".repeat(NOTE_MAX)).is_empty());
    assert_eq!(set(&"é".repeat(NOTE_MAX + 1)), ["note"]);
    assert!(set("two\nlines\tand a tab").is_empty());
    for odd in ["\0", "\u{1b}[2J", "\u{85}", "\u{7f}"] {
        assert_eq!(set(odd), ["note"], "{odd:?}");
    }
    let note = with(|input| input.note = "a\r\nb\rc\nd".to_owned()).unwrap();
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
        let parsed = with(|input| {
            input.group = Some(glob);
            input.group_match = "glob".to_owned();
            input.roles = words(&["red5-subscriber", "red5-publisher"]);
            input.rooms = rooms;
            input.transports = transports;
        });
        if let Ok(draft) = parsed {
            prop_assert_eq!(MappingDraft::parse(draft.to_input()), Ok(draft));
        }
    }
}
