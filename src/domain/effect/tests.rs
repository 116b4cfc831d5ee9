use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

/// A row that lets a group publish over WHIP, with changes.
fn draft(kind: &str, group: &str, rooms: &[&str], changes: &Value) -> MappingDraft {
    let mut sent = json!({
        "group": group, "match": kind, "roles": ["red5-publisher"], "transports": ["WHIP"],
        "rooms": rooms
    });
    for (field, value) in changes.as_object().into_iter().flatten() {
        sent[field] = value.clone();
    }
    MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap()
}

fn exact(group: &str, rooms: &[&str]) -> MappingDraft {
    draft("exact", group, rooms, &json!({}))
}

fn glob(group: &str, rooms: &[&str]) -> MappingDraft {
    draft("glob", group, rooms, &json!({}))
}

fn stored(id: i64, draft: MappingDraft) -> Mapping {
    Mapping {
        id: MappingId(id),
        draft,
        version: 1,
        created_at: now(),
        created_by: "test".to_owned(),
        updated_at: now(),
        updated_by: "test".to_owned(),
        last_used_at: None,
    }
}

/// The effect of creating a row beside others.
fn creating(row: &MappingDraft, beside: &[Mapping]) -> TableEffect {
    let created = RowChange {
        before: None,
        after: Some(row),
    };
    ChangedTable::new(beside, &[created], now()).effect()
}

/// The effect of replacing the only row.
fn replacing(before: MappingDraft, after: &MappingDraft) -> TableEffect {
    let before = stored(7, before);
    let replaced = RowChange {
        before: Some(&before),
        after: Some(after),
    };
    ChangedTable::new([&before], &[replaced], now()).effect()
}

fn warned(changes: &[RowChange], table: &[Mapping], seen: &[&str]) -> Vec<Value> {
    let seen = seen.iter().map(|&group| group.to_owned()).collect();
    let warnings = ChangedTable::new(table, changes, now()).warnings(&seen);
    let warnings = warnings.into_iter().map(|warning| json!(warning));
    warnings.collect()
}

/// The codes of what is warned of when a row is created beside others.
fn codes(row: &MappingDraft, beside: &[Mapping], seen: &[&str]) -> Vec<String> {
    let created = RowChange {
        before: None,
        after: Some(row),
    };
    let warnings = warned(&[created], beside, seen).into_iter();
    warnings
        .map(|warning| warning["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_effect_is_written_as_the_contract_has_it() {
    let until = at(3600);
    let row = draft(
        "exact",
        "crew",
        &["b", "a"],
        &json!({"valid_from": at(-5), "valid_until": until}),
    );
    assert_eq!(
        serde_json::to_string(&creating(&row, &[])).unwrap(),
        format!(
            r#"{{"effect":"widens","gains":[{{"who":{{"group":"crew","match":"exact"}},"roles":["red5-publisher"],"transports":["WHIP"],"rooms":["a","b"],"from":null,"until":"{}"}}],"losses":[]}}"#,
            time::utc(until)
        )
    );
}

#[test]
fn an_edit_tells_what_of_the_row_changes() {
    let effect = replacing(exact("crew", &["a", "b"]), &exact("crew", &["b", "c"]));
    assert_eq!(effect.kind, EffectKind::Both);
    assert_eq!(effect.gains[0].rooms.to_strings(), ["c"]);
    assert_eq!(effect.losses[0].rooms.to_strings(), ["a"]);
    let moved = replacing(exact("crew", &["a"]), &exact("staff", &["a"]));
    assert_eq!(moved.gains[0].who.group(), Some("staff"));
    assert_eq!(moved.losses[0].who.group(), Some("crew"));
    let note = draft(
        "exact",
        "crew",
        &["a"],
        &json!({"note": "x", "max_ttl_seconds": 60}),
    );
    assert_eq!(
        replacing(exact("crew", &["a"]), &note).kind,
        EffectKind::None
    );
    let off = exact("crew", &["a"]).with_enabled(false);
    assert_eq!(
        replacing(exact("crew", &["a"]), &off).kind,
        EffectKind::Narrows
    );
    assert_eq!(replacing(off.clone(), &off).kind, EffectKind::None);
}

#[test]
fn what_another_row_grants_is_no_gain() {
    let any = json!({"transports": ["*"]});
    for (row, beside) in [
        (exact("crew", &["a"]), glob("cr*", &["a"])),
        (exact("crew", &["a"]), draft("everyone", "", &["*"], &any)),
        (exact("crew", &["class-7"]), exact("crew", &["class-*"])),
        (exact("crew", &["class-7*"]), exact("crew", &["class-*"])),
        (exact("crew", &["x-{sub}"]), exact("crew", &["x-*"])),
        (exact("crew", &["{sub}"]), glob("*", &["{sub}"])),
        // What the stars stand for is known.
        (exact("crew-7", &["7"]), glob("crew-*", &["{1}"])),
        (
            exact("crew-7", &["7-{sub}"]),
            glob("crew-*", &["{1}-{sub}"]),
        ),
        (glob("crew-*", &["crew-{1}"]), glob("*", &["{1}"])),
        (glob("crew-*", &["crew"]), glob("*-*", &["{1}"])),
        (glob("*-*", &["{2}"]), glob("*-*", &["{2}", "{1}"])),
        // A star before another one is always empty: no room is made of it.
        (glob("a**", &["{1}"]), exact("crew", &["a"])),
    ] {
        let effect = creating(&row, &[stored(1, beside.clone())]);
        assert_eq!(effect.kind, EffectKind::None, "{row:?} beside {beside:?}");
    }
    for (row, beside) in [
        (glob("cr*", &["a"]), exact("crew", &["a"])),
        (glob("*", &["a"]), glob("cr*", &["a"])),
        (draft("everyone", "", &["a"], &any), glob("*", &["a"])),
        (exact("crew", &["*"]), exact("crew", &["class-*"])),
        (exact("crew", &["class-*"]), exact("crew", &["class-7*"])),
        // The first star of the other one takes less where the group has two hyphens.
        (glob("*-", &["{1}"]), glob("*-*", &["{1}"])),
        (exact("{sub}", &["{sub}"]), glob("*", &["{1}"])),
        (glob("cr*", &["x-{1}"]), glob("*", &["x-{1}"])),
        (draft("exact", "crew", &["a"], &any), exact("crew", &["a"])),
    ] {
        let effect = creating(&row, &[stored(1, beside.clone())]);
        assert_eq!(effect.kind, EffectKind::Widens, "{row:?} beside {beside:?}");
    }
}

#[test]
fn a_row_counts_from_now_until_a_minute_before_its_end() {
    let between = |from: Option<i64>, until: Option<i64>| {
        let window = json!({"valid_from": from.map(at), "valid_until": until.map(at)});
        draft("exact", "crew", &["a"], &window)
    };
    let kind = |row: MappingDraft| creating(&row, &[]).kind;
    assert_eq!(kind(between(None, Some(0))), EffectKind::None);
    assert_eq!(kind(between(None, Some(59))), EffectKind::None);
    assert_eq!(kind(between(None, Some(60))), EffectKind::Widens);
    assert_eq!(kind(between(Some(100), Some(159))), EffectKind::None);
    assert_eq!(kind(between(Some(100), Some(160))), EffectKind::Widens);
    // What began earlier begins now.
    let earlier = replacing(
        between(Some(-100), Some(600)),
        &between(Some(-5), Some(600)),
    );
    assert_eq!(earlier.kind, EffectKind::None);
    let shorter = replacing(between(None, Some(600)), &between(Some(60), Some(599)));
    assert_eq!(shorter.kind, EffectKind::Narrows);
    assert_eq!(
        (shorter.losses[0].from, shorter.losses[0].until),
        (None, Some(at(600)))
    );
    let later = replacing(between(Some(60), None), &between(Some(30), None));
    assert_eq!(
        (later.gains[0].from, later.gains[0].until),
        (Some(at(30)), None)
    );
}

#[test]
fn a_row_is_warned_of_by_what_it_says() {
    let seen = ["crew", "team-1"];
    let of = |row: &MappingDraft| codes(row, &[], &seen);
    assert_eq!(of(&exact("crew", &["a"])), [""; 0]);
    assert_eq!(of(&exact("crew", &["*"])), ["opens_any"]);
    assert_eq!(of(&glob("team-*", &["a"])), [""; 0]);
    assert_eq!(of(&glob("show-*", &["a"])), ["group_never_seen"]);
    assert_eq!(of(&exact("staff", &["a"])), ["group_never_seen"]);
    assert_eq!(of(&exact("/Crew", &["a"])), ["near_group"]);
    assert_eq!(
        of(&exact("team-*", &["a"])),
        ["group_never_seen", "looks_like_glob"]
    );
    assert_eq!(
        of(&exact("crew", &["{username}", "u-{username}"])),
        ["username_room"]
    );
    let over = draft("exact", "crew", &["a"], &json!({"valid_until": at(59)}));
    assert_eq!(of(&over), ["already_over"]);
    let everyone = draft("everyone", "", &["a"], &json!({}));
    assert_eq!(of(&everyone), [""; 0]);
}

#[test]
fn any_is_warned_of_where_the_row_did_not_have_it() {
    let any = draft("exact", "crew", &["*"], &json!({"transports": ["*"]}));
    let any_room = stored(7, exact("crew", &["*"]));
    let code = |before: &Mapping, after: &MappingDraft| {
        let change = RowChange {
            before: Some(before),
            after: Some(after),
        };
        warned(&[change], std::slice::from_ref(before), &["crew"])
    };
    assert_eq!(code(&any_room, &any_room.draft), [Value::Null; 0]);
    assert_eq!(
        code(&any_room, &any),
        [json!({
            "code": "opens_any", "change": 0, "mapping": null, "with_change": null,
            "text": "The row grants any transport, also protocols beyond the four."
        })]
    );
    let change = RowChange {
        before: Some(&any_room),
        after: None,
    };
    assert_eq!(
        warned(&[change], std::slice::from_ref(&any_room), &[]),
        [Value::Null; 0]
    );
}

#[test]
fn of_rows_that_cover_each_other_the_other_one_is_named() {
    let table = [
        stored(7, exact("crew", &["a", "class-*"])),
        stored(8, exact("crew", &["b"]).with_enabled(false)),
        stored(9, exact("staff", &["a"])),
    ];
    let narrow = exact("crew", &["a", "class-7"]);
    let wide = glob("*", &["*"]);
    let created = |row| RowChange {
        before: None,
        after: Some(row),
    };
    let told = |changes: &[RowChange]| {
        let warnings = warned(changes, &table, &["crew"]).into_iter();
        let warnings = warnings.filter(|warning| warning["code"] != "opens_any");
        warnings
            .map(|told| {
                json!([
                    told["code"],
                    told["change"],
                    told["mapping"],
                    told["with_change"]
                ])
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&[created(&narrow)]), [json!(["covered", 0, 7, null])]);
    assert_eq!(
        told(&[created(&wide)]),
        [json!(["covers", 0, 7, null]), json!(["covers", 0, 9, null])]
    );
    // A row that has more, and one of which a part is covered.
    let wider = exact("crew", &["a", "class-*", "hall"]);
    assert_eq!(told(&[created(&wider)]), [json!(["covers", 0, 7, null])]);
    let beside = exact("crew", &["a", "hall"]);
    assert_eq!(told(&[created(&beside)]), [Value::Null; 0]);
    // Two changes of one set.
    let hall = exact("guests", &["hall"]);
    let halls = exact("guests", &["hall", "foyer"]);
    let warnings = warned(&[created(&hall), created(&halls)], &[], &["guests"]);
    assert_eq!(
        warnings[0],
        json!({
            "code": "covered", "change": 0, "mapping": null, "with_change": 1,
            "text": "Another change of this set grants the same or more."
        })
    );
    assert_eq!(warnings[1]["code"], "covers");
    // Equal ones are told once each.
    let same = draft(
        "exact",
        "crew",
        &["a", "class-*"],
        &json!({"note": "again"}),
    );
    assert_eq!(told(&[created(&same)]), [json!(["covered", 0, 7, null])]);
}

#[test]
fn at_most_twenty_rows_are_told_of_that_one_covers() {
    let rooms = (0..30).map(|n| format!("room-{n}"));
    let rows = (1..)
        .zip(rooms)
        .map(|(id, room)| stored(id, exact("crew", &[&room])));
    let table: Vec<Mapping> = rows.collect();
    let wide = exact("crew", &["room-*"]);
    assert_eq!(codes(&wide, &table, &["crew"]), ["covers"; 20]);
}
