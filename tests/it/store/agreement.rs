//! AD-5: the table takes exactly what the program takes, tried with rows that
//! are mostly good, so that what is bad is bad for one reason.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::*;

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
fn anything(random: &mut StdRng) -> Map<String, Value> {
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
    let group = random.gen_bool(grouped).then(|| text(random, 4));
    let roles = words(
        random,
        &["red5-publisher", "red5-subscriber"],
        &["*", "red5-admin", ""],
    );
    let transports = if random.gen_bool(0.3) {
        vec!["*".to_owned()]
    } else {
        words(random, &["RTMP", "RTSP", "WHEP", "WHIP"], &["*", "HLS", ""])
    };
    let rooms = if random.gen_bool(0.1) {
        vec!["*".to_owned()]
    } else {
        (0..rooms).map(|_| text(random, 3)).collect()
    };
    let lives = [59, 60, 300, 31_536_000, 31_536_001];
    let max_ttl_seconds = random.gen_bool(0.3).then(|| lives.choose(random));
    let valid_from = random.gen_bool(0.2).then(|| at(random.gen_range(0..3)));
    let valid_until = random.gen_bool(0.2).then(|| at(random.gen_range(0..3)));
    let enabled = random.gen_bool(0.5);
    let note = if random.gen_bool(0.2) {
        text(random, 3)
    } else {
        String::new()
    };
    members(json!({
        "group": group, "match": group_match, "roles": roles, "transports": transports,
        "rooms": rooms, "max_ttl_seconds": max_ttl_seconds, "valid_from": valid_from,
        "valid_until": valid_until, "enabled": enabled, "note": note
    }))
}

async fn taken_by_the_table(
    database: &Database,
    said: &Map<String, Value>,
) -> Result<(), sqlx::Error> {
    let mut row = said.clone();
    let group = row.remove("group").unwrap();
    row.insert("group_name".to_owned(), group);
    sqlx::query(
        "INSERT INTO mappings (match, group_name, roles, transports, rooms, max_ttl_seconds, valid_from, valid_until,
                               enabled, note, created_at, created_by, updated_at, updated_by)
         SELECT match, group_name, roles, transports, rooms, max_ttl_seconds, valid_from, valid_until,
                enabled, note, now(), '', now(), ''
         FROM jsonb_populate_record(NULL::mappings, $1)",
    )
    .bind(Value::Object(row))
    .execute(&database.hand)
    .await
    .map(drop)
}

#[tokio::test]
async fn ad_5_the_table_takes_exactly_what_the_program_takes() {
    let database = Database::new().await;
    // Twins are another rule.
    database
        .by_hand("ALTER TABLE mappings DROP CONSTRAINT mappings_no_twins")
        .await
        .unwrap();
    let seed = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..3000 {
        let said = anything(&mut random);
        match MappingDraft::parse(said.clone()) {
            Ok(draft) => {
                let canonical = members(json!(draft));
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
    let (tables, _) = database.store().tables(None).await.unwrap();
    assert_eq!(tables.mappings.len(), taken);
}
