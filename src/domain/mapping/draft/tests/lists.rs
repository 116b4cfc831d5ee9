//! Roles, transports and rooms.

use super::*;

#[test]
fn r5_4_r5_5_an_empty_list_is_never_any() {
    assert_eq!(fields(|input| input.roles.clear()), ["roles"]);
    assert_eq!(fields(|input| input.transports.clear()), ["transports"]);
    assert_eq!(fields(|input| input.rooms.clear()), ["rooms"]);
    assert_eq!(fields(|input| input.rooms = words(&[""])), ["rooms[0]"]);
    assert_eq!(
        reason(|input| input.rooms.clear()),
        "rooms: write at least one room, or * for any"
    );
    assert_eq!(
        reason(|input| input.transports.clear()),
        "transports: choose at least one transport, or * for any"
    );
    assert_eq!(
        reason(|input| input.roles.clear()),
        "roles: choose at least one role"
    );
}

#[test]
fn a_star_means_any_and_stands_alone_and_is_never_a_role() {
    let draft = with(|input| {
        input.transports = words(&["*", "*"]);
        input.rooms = words(&["*"]);
    });
    let draft = draft.unwrap();
    assert!(draft.transports().is_any());
    assert!(draft.rooms().is_any());
    assert_eq!(draft.to_input().transports, ["*"]);
    assert_eq!(draft.to_input().rooms, ["*"]);
    assert_eq!(fields(|input| input.roles = words(&["*"])), ["roles[0]"]);
    let beside = "* means any and stands alone: remove it, or remove the others";
    assert_eq!(
        reason(|input| input.rooms = words(&["a", "*"])),
        format!("rooms[1]: {beside}")
    );
    assert_eq!(
        reason(|input| input.transports = words(&["*", "WHIP"])),
        format!("transports[0]: {beside}")
    );
}

#[test]
fn lists_are_sorted_without_duplicates_and_transports_in_upper_case() {
    let draft = with(|input| {
        input.roles = words(&["red5-subscriber", "red5-publisher", "red5-subscriber"]);
        input.transports = words(&["whip", "Rtmp", "WHEP", "RTMP", "rtsp"]);
        // By bytes, whatever kind of room each is.
        input.rooms = words(&["{sub}", "b", "a*", "B", "b", "~x", "-"]);
    });
    let canonical = draft.unwrap().to_input();
    assert_eq!(canonical.roles, ["red5-publisher", "red5-subscriber"]);
    assert_eq!(canonical.transports, ["RTMP", "RTSP", "WHEP", "WHIP"]);
    assert_eq!(canonical.rooms, ["-", "B", "a*", "b", "{sub}", "~x"]);
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
        let found = fields(|input| {
            input.roles = words(roles);
            input.transports = words(transports);
        });
        assert_eq!(found, wrong, "{roles:?} over {transports:?}");
    }
    assert_eq!(
        reason(|input| input.transports = words(&["WHIP", "WHEP"])),
        "transports: WHEP serves none of these roles (WHIP only publishes, WHEP only \
         subscribes): add a role or remove the transport"
    );
    // A misspelt role may have been the one that WHEP was meant for.
    let misspelt = fields(|input| {
        input.roles = words(&["red5-publisher", "subscriber"]);
        input.transports = words(&["WHIP", "WHEP"]);
    });
    assert_eq!(misspelt, ["roles[1]"]);
}

#[test]
fn r5_6_no_room_outside_the_alphabet_is_written() {
    for room in [
        "a,admin", "a b", "a/b", "a\\b", "", ".", "..", "a\n", "\u{0}", "é", "{", "a{sub", "**",
    ] {
        let found = fields(|input| input.rooms = words(&["good", room]));
        assert_eq!(found, ["rooms[1]"], "{room:?}");
    }
    let long = "r".repeat(129);
    assert!(fields(|input| input.rooms = words(&[&long[1..]])).is_empty());
    assert_eq!(fields(|input| input.rooms = words(&[&long])), ["rooms[0]"]);
}

#[test]
fn lists_are_bounded() {
    let rooms = |n: usize| fields(|input| input.rooms = (0..n).map(|i| format!("r{i}")).collect());
    assert!(rooms(ROOMS_MAX).is_empty());
    assert_eq!(rooms(ROOMS_MAX + 1), ["rooms"]);
    let roles = |n| fields(|input| input.roles = vec!["red5-publisher".to_owned(); n]);
    assert!(roles(16).is_empty());
    assert_eq!(roles(17), ["roles"]);
    let transports = |n| fields(|input| input.transports = vec!["WHIP".to_owned(); n]);
    assert!(transports(16).is_empty());
    assert_eq!(transports(17), ["transports"]);
}
