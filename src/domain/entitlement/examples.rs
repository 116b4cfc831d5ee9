//! The known escalations, each as a scenario.

use super::*;
use crate::domain::rooms::RoomPattern;
use crate::domain::set::NonEmpty;

fn names<T: Ord>(words: &[&str], parse: impl Fn(&str) -> T) -> AnyOr<T> {
    match words {
        ["*"] => AnyOr::Any,
        _ => AnyOr::Only(NonEmpty::new(words.iter().map(|word| parse(word))).unwrap()),
    }
}

fn roles(words: &[&str]) -> NonEmpty<Role> {
    NonEmpty::new(words.iter().map(|word| Role::parse(word).unwrap())).unwrap()
}

fn transports(words: &[&str]) -> AnyOr<Transport> {
    names(words, |word| Transport::parse(word).unwrap())
}

fn rooms(words: &[&str]) -> AnyOr<RoomName> {
    names(words, |word| RoomName::parse(word).unwrap())
}

fn holding(grants: &[(&[&str], &[&str], &[&str])]) -> Entitlement {
    let held = grants.iter().map(|(r, t, room)| HeldGrant {
        grant: Arc::new(Grant {
            roles: roles(r),
            transports: transports(t),
            rooms: names(room, |word| {
                RoomPattern::parse(word).map_or_else(
                    || GrantRoom::Exact(RoomName::parse(word).unwrap()),
                    GrantRoom::Pattern,
                )
            }),
        }),
        bound: None,
        mapping: MappingId(1),
        group: None,
    });
    Entitlement::new(held.collect(), vec![])
}

fn scope(r: &[&str], t: &[&str], room: &[&str]) -> Scope {
    Scope {
        roles: roles(r),
        transports: transports(t),
        rooms: rooms(room),
    }
}

fn in_room(room: &str) -> Ask {
    Ask {
        rooms: Some(rooms(&[room])),
        ..Ask::default()
    }
}

const PUBLISH: &[&str] = &["red5-publisher"];
const WATCH: &[&str] = &["red5-subscriber"];

#[test]
fn r5_7_a_publisher_here_and_a_subscriber_there_never_publishes_there() {
    let held = holding(&[(PUBLISH, &["*"], &["room1"]), (WATCH, &["*"], &["room2"])]);
    assert_eq!(
        held.scope(&in_room("room1")),
        Ok(scope(PUBLISH, &["*"], &["room1"]))
    );
    assert_eq!(
        held.scope(&in_room("room2")),
        Ok(scope(WATCH, &["*"], &["room2"]))
    );
    // Neither holds both roles anywhere; of the two, the first by name.
    assert_eq!(
        held.scope(&Ask::default()),
        Ok(scope(PUBLISH, &["*"], &["room1"]))
    );
    let both = Ask {
        roles: Some(roles(&["red5-publisher", "red5-subscriber"])),
        rooms: Some(rooms(&["room1", "room2"])),
        transports: None,
    };
    let refused = ["red5-publisher", "red5-subscriber", "room1", "room2"].map(str::to_owned);
    assert_eq!(
        held.scope(&both),
        Err(ScopeRefusal::NotGranted {
            refused: refused.into()
        })
    );
}

#[test]
fn r5_8_an_rtmp_publisher_and_a_whep_subscriber_never_subscribes_over_rtmp() {
    let held = holding(&[(PUBLISH, &["RTMP"], &["a"]), (WATCH, &["WHEP"], &["a"])]);
    assert_eq!(
        held.scope(&in_room("a")),
        Ok(scope(PUBLISH, &["RTMP"], &["a"]))
    );
    let merged = scope(
        &["red5-publisher", "red5-subscriber"],
        &["RTMP", "WHEP"],
        &["a"],
    );
    assert_eq!(
        held.warrant(&merged).unwrap_err().to_string(),
        "no single grant contains (red5-subscriber, RTMP, a)"
    );
}

#[test]
fn whip_and_whep_join_because_what_they_would_add_is_not_possible() {
    let held = holding(&[(PUBLISH, &["WHIP"], &["a"]), (WATCH, &["WHEP"], &["a"])]);
    let both = scope(
        &["red5-publisher", "red5-subscriber"],
        &["WHIP", "WHEP"],
        &["a"],
    );
    assert_eq!(held.scope(&Ask::default()), Ok(both));
}

#[test]
fn an_any_room_viewer_who_produces_in_one_room_does_both_there_only() {
    let held = holding(&[(WATCH, &["*"], &["*"]), (PUBLISH, &["*"], &["studio"])]);
    let studio = scope(&["red5-publisher", "red5-subscriber"], &["*"], &["studio"]);
    assert_eq!(held.scope(&Ask::default()), Ok(studio.clone()));
    assert_eq!(
        held.left_out(&studio),
        holding(&[(WATCH, &["*"], &["*"])]).grants()
    );
    assert_eq!(
        held.scope(&in_room("hall")),
        Ok(scope(WATCH, &["*"], &["hall"]))
    );
}

#[test]
fn a_pattern_serves_when_a_room_is_named_and_asks_for_one_otherwise() {
    let held = holding(&[(WATCH, &["WHEP"], &["class-*"])]);
    assert_eq!(
        held.scope(&in_room("class-7")),
        Ok(scope(WATCH, &["WHEP"], &["class-7"]))
    );
    let patterns = vec!["class-*".to_owned()];
    assert_eq!(
        held.scope(&Ask::default()),
        Err(ScopeRefusal::RoomRequired { patterns })
    );
    let publish = Ask {
        roles: Some(roles(PUBLISH)),
        ..Ask::default()
    };
    // Naming a room would not help: the role is what is missing.
    let refused = vec!["red5-publisher".to_owned()];
    assert_eq!(
        held.scope(&publish),
        Err(ScopeRefusal::NotGranted { refused })
    );
}

#[test]
fn any_asked_is_any_granted_or_refused() {
    let held = holding(&[(WATCH, &["RTMP", "RTSP", "WHEP"], &["a"])]);
    let any = Ask {
        transports: Some(AnyOr::Any),
        rooms: Some(AnyOr::Any),
        roles: None,
    };
    // All that can subscribe is listed, and still another protocol is not.
    let refused = vec!["*".to_owned()];
    assert_eq!(held.scope(&any), Err(ScopeRefusal::NotGranted { refused }));
}

#[test]
fn nothing_held_is_nothing_given() {
    assert_eq!(
        Entitlement::default().scope(&Ask::default()),
        Err(ScopeRefusal::NoGrant)
    );
}

#[test]
fn of_equally_wide_scopes_the_first_room_comes_before_the_first_transport() {
    let held = holding(&[(WATCH, &["RTMP"], &["b"]), (WATCH, &["RTSP"], &["a"])]);
    assert_eq!(
        held.scope(&Ask::default()),
        Ok(scope(WATCH, &["RTSP"], &["a"]))
    );
}

#[test]
fn several_forms_are_named_in_order_and_only_once() {
    let held = holding(&[
        (WATCH, &["*"], &["class-*", "a-*"]),
        (PUBLISH, &["*"], &["class-*"]),
    ]);
    let refusal = held.scope(&Ask::default()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "name a room, of the form a-* or class-*"
    );
}

#[test]
fn a_word_that_nothing_makes_good_is_refused_alone_and_said_so() {
    let held = holding(&[(WATCH, &["RTMP"], &["a"])]);
    let ask = Ask {
        roles: Some(roles(WATCH)),
        transports: Some(transports(&["RTMP", "WHEP"])),
        rooms: Some(rooms(&["a", "b", "c"])),
    };
    assert_eq!(
        held.scope(&ask).unwrap_err().to_string(),
        "not granted: WHEP, b, c"
    );
}

#[test]
fn a_scope_of_idle_words_has_no_triple_to_fail_on_and_is_refused_all_the_same() {
    let held = holding(&[(&["red5-publisher", "red5-subscriber"], &["*"], &["a"])]);
    let why = |scope: &Scope| held.warrant(scope).unwrap_err().to_string();
    assert_eq!(
        why(&scope(PUBLISH, &["WHEP"], &["never-granted"])),
        "red5-publisher takes part in nothing possible"
    );
    assert_eq!(
        why(&scope(PUBLISH, &["RTMP", "WHEP"], &["a"])),
        "WHEP takes part in nothing possible"
    );
    assert!(held.warrant(&scope(PUBLISH, &["RTMP"], &["a"])).is_ok());
}

#[test]
fn any_is_warranted_by_any_alone() {
    let held = holding(&[(WATCH, &["RTMP", "RTSP", "WHEP"], &["a", "b-*"])]);
    let why = |scope: &Scope| held.warrant(scope).unwrap_err().to_string();
    assert_eq!(
        why(&scope(WATCH, &["*"], &["a"])),
        "no single grant contains (red5-subscriber, other, a)"
    );
    assert_eq!(
        why(&scope(WATCH, &["RTMP"], &["*"])),
        "no single grant contains (red5-subscriber, RTMP, other)"
    );
}

#[test]
fn alike_grants_are_told_once_and_the_rooms_that_fell_away_in_order() {
    let grant = Arc::new(holding(&[(WATCH, &["*"], &["a"])]).grants().remove(0));
    let held = |group: &str| HeldGrant {
        mapping: MappingId(1),
        group: Some(group.to_owned()),
        grant: Arc::clone(&grant),
        bound: None,
    };
    let dropped = |mapping| DroppedRoom {
        mapping: MappingId(mapping),
        group: None,
        rule: "{username}".to_owned(),
        reason: "{username} is empty for this person".to_owned(),
    };
    let entitlement = Entitlement::new(vec![held("b"), held("a")], vec![dropped(2), dropped(1)]);
    assert_eq!(entitlement.grants(), [Grant::clone(&grant)]);
    assert_eq!(entitlement.held(), [held("a"), held("b")]);
    assert_eq!(entitlement.dropped(), [dropped(1), dropped(2)]);
    assert!(!entitlement.is_empty());
}

/// What is said to the person.
fn why(held: &[(&[&str], &[&str], &[&str])], ask: &Ask) -> String {
    let held = holding(held);
    assert!(matches!(
        held.scope(ask),
        Err(ScopeRefusal::NotGranted { .. })
    ));
    held.why_not(ask).said(ToldTo::ThePerson)
}

#[test]
fn a_refusal_tells_the_reasons_apart_and_names_what_there_is_instead() {
    const WATCH: (&[&str], &[&str], &[&str]) = (&["red5-subscriber"], &["WHEP"], &["green-room"]);
    const PUBLISH: (&[&str], &[&str], &[&str]) =
        (&["red5-publisher"], &["WHIP", "RTMP"], &["stage", "x-*"]);
    let ask = |r: &[&str], t: &[&str], room: &[&str]| Ask {
        roles: (!r.is_empty()).then(|| roles(r)),
        transports: (!t.is_empty()).then(|| transports(t)),
        rooms: (!room.is_empty()).then(|| rooms(room)),
    };
    let publisher = &["red5-publisher"][..];
    let both = &["red5-publisher", "red5-subscriber"][..];
    for (ask, said) in [
        (
            ask(publisher, &[], &["green-room"]),
            "In green-room you may only watch (WHEP). You may publish in stage and rooms of the form x-*.",
        ),
        (
            ask(publisher, &["WHIP"], &["attic"]),
            "Nothing is granted to you in attic. You may publish over WHIP in stage and rooms of the form x-*.",
        ),
        (
            ask(&[], &["RTSP"], &["stage"]),
            "In stage you may only publish (RTMP, WHIP).",
        ),
        (
            ask(both, &[], &["green-room", "stage"]),
            "Each of green-room, red5-publisher, red5-subscriber and stage is granted to you, but never by one mapping together. In green-room you may only watch (WHEP). In stage you may only publish (RTMP, WHIP).",
        ),
        (
            ask(&["red5-subscriber"], &["RTMP"], &[]),
            "You may only publish (RTMP, WHIP) and watch (WHEP).",
        ),
        (
            ask(publisher, &[], &["*"]),
            "No mapping grants you any room and streams without a room.",
        ),
        (
            ask(publisher, &["WHEP"], &["stage"]),
            "WHIP only publishes, and WHEP only watches.",
        ),
    ] {
        assert_eq!(why(&[WATCH, PUBLISH], &ask), said, "{ask:?}");
    }
    let held = holding(&[WATCH, PUBLISH]);
    let not = held.why_not(&ask(publisher, &[], &["green-room"]));
    assert_eq!(
        not.said(ToldTo::Administrator),
        "In green-room the person may only watch (WHEP). The person may publish in stage and rooms of the form x-*."
    );
    let nearest = held.why_not(&ask(publisher, &["WHIP"], &["attic"])).nearest;
    let nearest: Vec<_> = nearest
        .iter()
        .map(|grant| grant.rooms.to_strings())
        .collect();
    assert_eq!(nearest, [["stage", "x-*"]]);
}
