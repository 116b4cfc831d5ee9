//! AD-5 and R5-6 at the table: what a person types at the database is held to
//! the same rules as what comes through a form.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::*;

/// Columns of a row and what is written there, in SQL.
type Row<'a> = &'a [(&'a str, &'a str)];

/// A row that is good, with some columns otherwise.
fn insert(changes: Row) -> String {
    let mut columns = vec![
        ("match", "'exact'"),
        ("group_name", "'team'"),
        ("roles", "'{red5-subscriber}'"),
        ("transports", "'{WHEP}'"),
        ("rooms", "'{a}'"),
        ("created_at", "now()"),
        ("created_by", "'ann'"),
        ("updated_at", "now()"),
        ("updated_by", "'ann'"),
    ];
    for (column, value) in changes {
        columns.retain(|(name, _)| name != column);
        columns.push((column, value));
    }
    let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let (names, values) = (names.join(", "), values.join(", "));
    format!("INSERT INTO mappings ({names}) VALUES ({values})")
}

/// A database in which of all CHECKs of the table only `constraint` is left:
/// what is refused there is refused by it alone.
async fn judged_by(constraint: &str) -> Database {
    let database = Database::new().await;
    let checks: Vec<String> = sqlx::query_scalar(
        "SELECT conname::text FROM pg_constraint
         WHERE conrelid = 'mappings'::regclass AND contype = 'c'",
    )
    .fetch_all(&database.hand)
    .await
    .unwrap();
    assert!(checks.contains(&constraint.to_owned()), "{checks:?}");
    for other in checks.iter().filter(|check| *check != constraint) {
        let drop = format!("ALTER TABLE mappings DROP CONSTRAINT {other}");
        database.by_hand(drop).await.unwrap();
    }
    database
}

/// What refuses the row: a constraint by its name, or else the message.
async fn refusal(database: &Database, row: Row<'_>) -> String {
    let refused = database.by_hand(insert(row)).await;
    let refused = refused.expect_err(&format!("taken: {row:?}"));
    let refused = refused.into_database_error().unwrap();
    refused.constraint().unwrap_or(refused.message()).to_owned()
}

async fn refuses(constraint: &str, rows: &[Row<'_>]) {
    let database = judged_by(constraint).await;
    for row in rows {
        assert_eq!(refusal(&database, row).await, constraint, "{row:?}");
    }
}

async fn refuses_values(constraint: &str, column: &str, values: &[&str]) {
    let rows: Vec<_> = values.iter().map(|value| [(column, *value)]).collect();
    let rows: Vec<Row> = rows.iter().map(|row| &row[..]).collect();
    refuses(constraint, &rows).await;
}

/// Takes them all, with every constraint in place.
async fn takes(rows: &[Row<'_>]) {
    let database = Database::new().await;
    for row in rows {
        let taken = database.by_hand(insert(row)).await;
        assert!(taken.is_ok(), "{row:?}: {taken:?}");
    }
    let page = database.store().list_mappings(500, 0).await.unwrap();
    assert_eq!(page.items.len(), rows.len());
}

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

#[tokio::test]
async fn a_capture_needs_its_star() {
    let rows: [Row; 7] = [
        &[("rooms", "'{\"{1}\"}'")],
        &[("group_name", "'a*'"), ("rooms", "'{\"{1}\"}'")],
        &[
            ("match", "'everyone'"),
            ("group_name", "NULL"),
            ("rooms", "'{\"{1}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'a*'"),
            ("rooms", "'{\"{2}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'*-*'"),
            ("rooms", "'{\"a{3}\",b}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'*-*'"),
            ("rooms", "'{\"a{1}{3}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'********'"),
            ("rooms", "'{\"{9}\"}'"),
        ],
    ];
    refuses("mappings_captures", &rows).await;
    takes(&[
        &[
            ("match", "'glob'"),
            ("group_name", "'*-*'"),
            ("rooms", "'{\"{2}{1}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'********'"),
            ("rooms", "'{\"{8}\"}'"),
        ],
    ])
    .await;
}

#[tokio::test]
async fn match_and_group_fit() {
    let rows: [Row; 15] = [
        &[("match", "'everyone'"), ("group_name", "'team'")],
        &[("match", "'everyone'"), ("group_name", "''")],
        &[("match", "'exact'"), ("group_name", "NULL")],
        &[("match", "'exact'"), ("group_name", "''")],
        &[("match", "'glob'"), ("group_name", "NULL")],
        &[("match", "'glob'"), ("group_name", "'team'")],
        &[("match", "'glob'"), ("group_name", "'*********'")],
        &[("match", "'exact'"), ("group_name", "repeat('a', 513)")],
        &[("match", "'exact'"), ("group_name", "repeat('é', 257)")],
        &[
            ("match", "'glob'"),
            ("group_name", "'*' || repeat('a', 512)"),
        ],
        &[("match", "'exact'"), ("group_name", "E'a\\nb'")],
        &[("match", "'exact'"), ("group_name", "E'a\\x01'")],
        &[("match", "'exact'"), ("group_name", "E'a\\x7f'")],
        &[("match", "'exact'"), ("group_name", "U&'a\\0085'")],
        &[("match", "'glob'"), ("group_name", "E'a*\\t'")],
    ];
    refuses("mappings_group", &rows).await;
    refuses_values("mappings_match", "match", &["'EXACT'", "''", "'regex'"]).await;
    let nothing = refusal(&Database::new().await, &[("match", "NULL")]).await;
    assert!(nothing.contains("not-null"), "{nothing}");
    takes(&[
        &[("match", "'everyone'"), ("group_name", "NULL")],
        &[("group_name", "repeat('é', 256)")],
        &[("group_name", "'*********'")],
        &[("match", "'glob'"), ("group_name", "'********'")],
    ])
    .await;
}

#[tokio::test]
async fn a_row_that_could_never_serve_is_refused() {
    let rows: [Row; 6] = [
        &[("roles", "'{red5-publisher}'"), ("transports", "'{WHEP}'")],
        &[("roles", "'{red5-subscriber}'"), ("transports", "'{WHIP}'")],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{WHEP}'"),
        ],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{WHIP}'"),
        ],
        &[
            ("roles", "'{red5-publisher}'"),
            ("transports", "'{RTMP,WHEP}'"),
        ],
        &[
            ("roles", "'{red5-subscriber}'"),
            ("transports", "'{RTSP,WHIP}'"),
        ],
    ];
    refuses("mappings_can_serve", &rows).await;
    takes(&[
        &[("roles", "'{red5-publisher}'"), ("transports", "'{*}'")],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{WHEP,WHIP}'"),
        ],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{RTMP}'"),
        ],
    ])
    .await;
}

#[tokio::test]
async fn times_bounds_and_lengths_are_sane() {
    let lives = ["59", "0", "-1", "31536001"];
    refuses_values("mappings_max_ttl", "max_ttl_seconds", &lives).await;
    let times = [
        "'infinity'",
        "'-infinity'",
        "'1969-12-31 23:59:59+00'",
        "'10000-01-01 00:00:00+00'",
        "'294276-12-31 00:00:00+00'",
        "'0001-01-01 00:00:00+00 BC'",
    ];
    refuses_values("mappings_window", "valid_from", &times).await;
    refuses_values("mappings_window", "valid_until", &times).await;
    refuses_values("mappings_written", "created_at", &times).await;
    refuses_values("mappings_written", "updated_at", &times).await;
    let windows: [Row; 2] = [
        &[
            ("valid_from", "'2026-01-01Z'"),
            ("valid_until", "'2026-01-01Z'"),
        ],
        &[
            ("valid_from", "'2026-01-01Z'"),
            ("valid_until", "'2025-12-31Z'"),
        ],
    ];
    refuses("mappings_window", &windows).await;
    let notes = [
        "repeat('é', 1001)",
        "E'a\\x08'",
        "E'a\\r\\nb'",
        "E'a\\x1b[2J'",
        "U&'\\009b'",
    ];
    refuses_values("mappings_note", "note", &notes).await;
    refuses_values("mappings_version", "version", &["0", "-1"]).await;
    takes(&[
        &[
            ("rooms", "'{a}'"),
            ("max_ttl_seconds", "60"),
            ("note", "E'a\\tb\\nc'"),
        ],
        &[
            ("rooms", "'{b}'"),
            ("max_ttl_seconds", "31536000"),
            ("note", "repeat('é', 1000)"),
        ],
        &[
            ("rooms", "'{c}'"),
            ("valid_from", "'1970-01-01 00:00:00+00'"),
        ],
        &[
            ("rooms", "'{d}'"),
            ("valid_until", "'9999-12-31 23:59:59.999999+00'"),
        ],
    ])
    .await;
}

#[tokio::test]
async fn an_update_is_judged_like_an_insert() {
    let database = Database::new().await;
    let id = create(&database.store(), "team", "a").await.id;
    for change in [
        "rooms = '{}'",
        "rooms = '{a,\"b,c\"}'",
        "roles = '{}'",
        "transports = '{*,RTMP}'",
        "max_ttl_seconds = 1",
    ] {
        assert!(
            database
                .by_hand(format!("UPDATE mappings SET {change} WHERE id = {id}"))
                .await
                .is_err(),
            "{change}"
        );
    }
}

#[tokio::test]
async fn a_row_that_got_past_the_constraints_grants_nothing() {
    let database = Database::new().await;
    let store = database.store();
    create(&store, "team", "a").await;
    database
        .by_hand("ALTER TABLE mappings DROP CONSTRAINT mappings_rooms")
        .await
        .unwrap();
    database
        .by_hand(insert(&[("rooms", "'{}'"), ("group_name", "'b'")]))
        .await
        .unwrap();
    database
        .by_hand(insert(&[("rooms", "'{\"a,b\"}'"), ("group_name", "'c'")]))
        .await
        .unwrap();
    let page = store.list_mappings(9, 0).await.unwrap();
    assert_eq!((page.items.len(), page.total), (1, 3));
    let instance = Instance::start(&database, NOTICES_ALONE).await;
    let snapshot = instance.watch.current().unwrap();
    for group in ["b", "c"] {
        let identity = Identity {
            groups: Groups::Listed([group.to_owned()].into()),
            ..session(1).identity
        };
        assert!(snapshot.mappings.resolve(&identity, at(0)).is_empty());
    }
}

// --- the table and the program agree ---

const NASTY: [&str; 24] = [
    "a",
    "b",
    "A",
    "1",
    ".",
    "*",
    "*",
    "{1}",
    "{2}",
    "{sub}",
    "{username}",
    "{",
    "}",
    ",",
    " ",
    "-",
    "é",
    "\n",
    "\t",
    "\u{7f}",
    "\u{85}",
    "\u{1}",
    "/",
    "\u{2028}",
];

fn text(random: &mut StdRng, longest: usize) -> String {
    let pieces = random.gen_range(0..=longest);
    let usual = NASTY.len() / 3;
    (0..pieces)
        .map(|_| {
            let among = if random.gen_bool(0.9) {
                usual
            } else {
                NASTY.len()
            };
            *NASTY[..among].choose(random).unwrap()
        })
        .collect()
}

/// Mostly good, so that what is bad is bad for one reason.
fn anything(random: &mut StdRng) -> MappingInput {
    let words = |random: &mut StdRng, words: &[&str], odd: &[&str]| {
        let mut chosen: Vec<String> = words
            .iter()
            .filter(|_| random.gen_bool(0.6))
            .map(|w| (*w).to_owned())
            .collect();
        if random.gen_bool(0.1) {
            chosen.push((*odd.choose(random).unwrap()).to_owned());
        }
        chosen
    };
    let rooms = random.gen_range(0..3);
    let group_match = *["exact", "glob", "everyone", "other"]
        .choose_weighted(random, |word| if *word == "other" { 1 } else { 9 })
        .unwrap();
    let grouped = if group_match == "everyone" { 0.1 } else { 0.95 };
    MappingInput {
        group: random.gen_bool(grouped).then(|| text(random, 4)),
        group_match: group_match.to_owned(),
        roles: words(
            random,
            &["red5-publisher", "red5-subscriber"],
            &["*", "red5-admin", ""],
        ),
        transports: if random.gen_bool(0.3) {
            vec!["*".to_owned()]
        } else {
            words(random, &["RTMP", "RTSP", "WHEP", "WHIP"], &["*", "HLS", ""])
        },
        rooms: if random.gen_bool(0.1) {
            vec!["*".to_owned()]
        } else {
            (0..rooms).map(|_| text(random, 3)).collect()
        },
        max_ttl_seconds: random.gen_bool(0.3).then(|| {
            *[59, 60, 300, 31_536_000, 31_536_001]
                .choose(random)
                .unwrap()
        }),
        valid_from: random.gen_bool(0.2).then(|| at(random.gen_range(0..3))),
        valid_until: random.gen_bool(0.2).then(|| at(random.gen_range(0..3))),
        enabled: random.gen_bool(0.5),
        note: if random.gen_bool(0.2) {
            text(random, 3)
        } else {
            String::new()
        },
    }
}

async fn taken_by_the_table(database: &Database, said: &MappingInput) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO mappings (match, group_name, roles, transports, rooms, max_ttl_seconds, valid_from, valid_until,
                               enabled, note, created_at, created_by, updated_at, updated_by)
         VALUES ($1, $2, $3, $4, $5, $6::bigint, $7, $8, $9, $10, now(), '', now(), '')",
    )
    .bind(&said.group_match)
    .bind(&said.group)
    .bind(&said.roles)
    .bind(&said.transports)
    .bind(&said.rooms)
    .bind(said.max_ttl_seconds)
    .bind(said.valid_from)
    .bind(said.valid_until)
    .bind(said.enabled)
    .bind(&said.note)
    .execute(&database.hand)
    .await
    .map(drop)
}

#[tokio::test]
async fn ad_5_the_table_takes_exactly_what_the_program_takes() {
    let database = Database::new().await;
    // Twins are another rule.
    database
        .by_hand("DROP INDEX mappings_no_twins")
        .await
        .unwrap();
    let seed = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..3000 {
        let said = anything(&mut random);
        match MappingDraft::parse(said.clone()) {
            Ok(draft) => {
                let canonical = draft.to_input();
                let outcome = taken_by_the_table(&database, &canonical).await;
                assert!(outcome.is_ok(), "seed {seed}: {canonical:?}: {outcome:?}");
                taken += 1;
            }
            Err(errors) => {
                let outcome = taken_by_the_table(&database, &said).await;
                assert!(outcome.is_err(), "seed {seed}: {said:?}: {errors:?}");
                refused += 1;
            }
        }
    }
    assert!(
        taken > 100 && refused > 100,
        "{taken} taken, {refused} refused"
    );
    let page = database.store().list_mappings(5000, 0).await.unwrap();
    assert_eq!(page.items.len(), taken);
}
