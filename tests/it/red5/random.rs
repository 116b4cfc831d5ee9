//! Random tables: R5-3, R5-4, R5-5 and R5-7 as a property. One
//! bridge stays up while its table changes; a failure shows it.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::stage::Stage;
use super::table::{Row, person, row};

/// How many tables; each is judged for two people, some hundred tokens.
const TABLES: u64 = 12;

#[tokio::test]
async fn r5_7_no_table_lets_a_token_do_more_than_one_row_says() {
    let stage = Stage::build().await;
    let people = [
        person("ann", "a"),
        person("bob", "a b"),
        person("cleo", "a b c team-red"),
        person("dan", "c team-red team-"),
    ];
    let mut browsers = Vec::new();
    for person in &people {
        browsers.push(stage.enter(person).await);
    }
    for seed in 0..TABLES {
        let mut random = StdRng::seed_from_u64(seed);
        let rows: Vec<Row> = (0..random.gen_range(1..=5))
            .map(|_| any_row(&mut random))
            .collect();
        stage.set(&rows).await;
        for chosen in rand::seq::index::sample(&mut random, people.len(), 2) {
            stage.judge(&browsers[chosen], &people[chosen], &rows).await;
        }
    }
}

fn any_row(random: &mut StdRng) -> Row {
    let group = *["a", "a", "b", "b", "c", "team-*", ""]
        .choose(random)
        .unwrap();
    let roles = *["pub", "sub", "pub sub"].choose(random).unwrap();
    // A row that could never serve is refused by the table itself.
    let transports: &[&str] = match roles {
        "pub" => &["RTMP", "WHIP", "RTMP RTSP", "RTSP WHIP", "*"],
        "sub" => &["RTMP", "WHEP", "RTMP RTSP", "RTSP WHEP", "*"],
        _ => &["RTMP", "WHEP WHIP", "RTSP WHEP", "RTMP RTSP WHEP WHIP", "*"],
    };
    let rooms: &[&str] = match group {
        "team-*" => &["{1}", "team-{1}", "r-1"],
        _ => &["*", "r-1", "r-2", "r-1 r-2", "r-1 r-3", "r-*", "{username}"],
    };
    let transports = *transports.choose(random).unwrap();
    row(group, roles, transports, rooms.choose(random).unwrap())
}
