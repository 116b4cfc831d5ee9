//! Tables that invite a mistake. R5-7 and R5-8: two grants put together list
//! by list would give more than either.

use super::stage::Stage;
use super::table::{Person, Row, person, row};

async fn judged(stage: &Stage, person: &Person, rows: &[Row]) {
    stage.set(rows).await;
    let browser = stage.enter(person).await;
    stage.judge(&browser, person, rows).await;
}

#[tokio::test]
async fn r5_7_two_rooms_with_different_roles_stay_apart() {
    let stage = Stage::build().await;
    let both = person("mia", "crew backstage");
    for rows in [
        [
            row("crew", "pub", "RTMP", "room-1"),
            row("backstage", "sub", "RTMP", "room-2"),
        ],
        [
            row("crew", "pub", "WHIP", "stage"),
            row("backstage", "sub", "WHEP", "green"),
        ],
        [
            row("crew", "pub sub", "RTMP", "room-1"),
            row("backstage", "sub", "RTMP", "room-1 room-2"),
        ],
        [
            row("crew", "pub", "RTMP", "room-1"),
            row("backstage", "sub", "*", "*"),
        ],
    ] {
        judged(&stage, &both, &rows).await;
    }
}

#[tokio::test]
async fn r5_8_one_room_with_different_transports_stays_apart() {
    let stage = Stage::build().await;
    let both = person("mia", "crew backstage");
    for rows in [
        // Together these are one rectangle after all: WHIP cannot subscribe.
        [
            row("crew", "pub", "WHIP", "stage"),
            row("backstage", "sub", "WHEP", "stage"),
        ],
        [
            row("crew", "pub", "RTMP", "stage"),
            row("backstage", "sub", "RTSP", "stage"),
        ],
        [
            row("crew", "pub", "*", "stage"),
            row("backstage", "pub sub", "RTMP", "*"),
        ],
    ] {
        judged(&stage, &both, &rows).await;
    }
}

#[tokio::test]
async fn r5_5_any_is_said_by_a_star_alone() {
    let stage = Stage::build().await;
    let viewer = person("vic", "viewers");
    for rows in [
        vec![],
        vec![row("others", "pub sub", "*", "*")],
        vec![row("viewers", "sub", "*", "*")],
        vec![row("viewers", "sub", "*", "lobby")],
        vec![row("viewers", "sub", "RTMP", "*")],
        // All four by name are not "any": another protocol is not among them.
        vec![row("viewers", "pub sub", "RTMP RTSP WHEP WHIP", "lobby")],
        vec![
            row("viewers", "sub", "RTMP RTSP", "*"),
            row("", "sub", "WHEP", "*"),
        ],
    ] {
        judged(&stage, &viewer, &rows).await;
    }
}

#[tokio::test]
async fn patterns_and_templates_give_what_they_stand_for() {
    let stage = Stage::build().await;
    let teacher = person("tom", "class-red class-blue staff");
    for rows in [
        vec![row("staff", "sub", "WHEP", "class-*")],
        vec![
            row("staff", "sub", "WHEP", "class-* lobby"),
            row("staff", "pub", "WHIP", "class-7"),
        ],
        vec![row("class-*", "pub", "RTMP", "show-{1}")],
        vec![
            row("", "pub", "WHIP", "{username}"),
            row("staff", "sub", "RTMP", "{sub}-studio"),
        ],
    ] {
        judged(&stage, &teacher, &rows).await;
    }
}

#[tokio::test]
async fn r5_6_a_user_name_that_would_be_two_rooms_is_none() {
    let stage = Stage::build().await;
    for name in ["mia,vip", "mia vip", "../vip", "mia/vip", "*", "mía"] {
        let mia = Person {
            subject: "5a2e90c4".to_owned(),
            ..person(name, "crew")
        };
        let rows = [
            row("crew", "pub", "RTMP", "{username}"),
            row("crew", "sub", "RTMP", "{sub}"),
        ];
        judged(&stage, &mia, &rows).await;
    }
}
