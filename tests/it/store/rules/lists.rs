//! Roles, transports and rooms, each list for itself.

use super::*;

#[tokio::test]
async fn r5_4_r5_5_a_list_is_never_empty_and_has_no_hole() {
    for list in ["roles", "transports", "rooms"] {
        let holes = [
            "'{}'",
            "'{NULL}'",
            "ARRAY[]::text[]",
            "ARRAY[NULL, NULL]::text[]",
        ];
        refuses_values(&format!("mappings_{list}"), list, &holes).await;
        let database = Database::new().await;
        assert!(
            refusal(&database, &[(list, "NULL")])
                .await
                .contains("not-null")
        );
    }
    // A good member does not make a NULL beside it good.
    refuses_values("mappings_roles", "roles", &["'{red5-subscriber,NULL}'"]).await;
    refuses_values("mappings_transports", "transports", &["'{WHEP,NULL}'"]).await;
    refuses_values("mappings_rooms", "rooms", &["'{a,NULL}'"]).await;
}

#[tokio::test]
async fn a_list_is_sorted_without_duplicates_and_flat() {
    let roles = [
        "'{red5-subscriber,red5-publisher}'",
        "'{red5-subscriber,red5-subscriber}'",
    ];
    refuses_values("mappings_roles", "roles", &roles).await;
    let transports = ["'{WHEP,RTMP}'", "'{WHEP,WHEP}'"];
    refuses_values("mappings_transports", "transports", &transports).await;
    // By bytes: upper case first, whatever the language of the server.
    let rooms = ["'{b,a}'", "'{a,a}'", "'{a,B}'", "'[0:1]={a,b}'"];
    refuses_values("mappings_rooms", "rooms", &rooms).await;
    let nested = refusal(&Database::new().await, &[("rooms", "'{{a},{b}}'")]).await;
    assert!(nested.contains("multidimensional"), "{nested}");
    takes(&[&[("rooms", "'{B,a}'")]]).await;
}

#[tokio::test]
async fn roles_and_transports_are_closed_words() {
    let roles = [
        "'{*}'",
        "'{Red5-Publisher}'",
        "'{red5-admin}'",
        "'{\"red5-publisher,red5-subscriber\"}'",
        "'{\"\"}'",
    ];
    refuses_values("mappings_roles", "roles", &roles).await;
    let transports = [
        "'{whep}'",
        "'{HLS}'",
        "'{*,WHEP}'",
        "'{\"RTMP,RTSP\"}'",
        "'{\"\"}'",
        "'{*,*}'",
    ];
    refuses_values("mappings_transports", "transports", &transports).await;
    takes(&[&[("transports", "'{*}'")]]).await;
}

#[tokio::test]
async fn r5_6_a_room_cannot_say_anything_but_one_room() {
    let quoted = |room: &str| format!("ARRAY[$room${room}$room$]");
    let odd = [
        "a,vip",
        "",
        " ",
        "a b",
        "a/b",
        "a\\b",
        ".",
        "..",
        "é",
        "a\u{1}",
        "a\nb",
        "a\n",
        "\n",
        "a%2Cb",
        "a?b",
        "a#b",
        "**",
        "***",
        "{username",
        "username}",
        "{}",
        "{user}",
        "{Sub}",
        "{0}",
        "{10}",
        "{01}",
        "{-1}",
        "{1 }",
        "{sub}*",
        "*{sub}",
        "a{sub},b",
        "{{sub}}",
        "a+b",
        "a:b",
        "a\"b",
        "a'b",
        "‥",
        "．",
        "ａ",
    ];
    let odd: Vec<String> = odd.iter().map(|room| quoted(room)).collect();
    let odd: Vec<&str> = odd.iter().map(String::as_str).collect();
    refuses_values("mappings_rooms", "rooms", &odd).await;
    let long = [
        "ARRAY[repeat('a', 129)]",
        "ARRAY['*' || repeat('a', 128)]",
        "ARRAY['{sub}' || repeat('a', 124)]",
        "(SELECT array_agg(to_char(n, 'FM000')) FROM generate_series(1, 501) AS n)",
    ];
    refuses_values("mappings_rooms", "rooms", &long).await;
    // `*` means any, and only alone.
    let beside = ["'{*,a}'", "'{*,*}'", "'{*,a*}'", "ARRAY['*', '{sub}']"];
    refuses_values("mappings_rooms", "rooms", &beside).await;

    let good = [
        "*",
        "a",
        "...",
        "a*",
        "*a*",
        "A-Z.a_z~0@9",
        "{username}",
        "{sub}",
        "x-{sub}.{username}",
    ];
    let good: Vec<String> = good.iter().map(|room| quoted(room)).collect();
    let longest = [
        "ARRAY[repeat('a', 128)]",
        "(SELECT array_agg(to_char(n, 'FM000')) FROM generate_series(1, 500) AS n)",
    ];
    let good: Vec<_> = good
        .iter()
        .map(String::as_str)
        .chain(longest)
        .map(|room| [("rooms", room)])
        .collect();
    let good: Vec<Row> = good.iter().map(|row| &row[..]).collect();
    takes(&good).await;
}
