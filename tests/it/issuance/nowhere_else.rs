//! R5-14: a token is in the body of the answer that was asked for it, and
//! nowhere else: no header, no cookie, no address, no log line at any level.

use super::WATCH;
use crate::bridge::{Answer, Browser, RED5_SECRET, path_of};
use crate::database::{as_served, new_database};
use crate::process::Process;
use serde_json::json;

const SERVER: &[(&str, &str)] = &[("RED5_SERVER_URL", "https://media.example.com/live")];

async fn vic(process: &Process, database_url: &str) -> Browser {
    let mut vic = Browser::new(&process.address);
    vic.ready().await;
    let db = sqlx::PgPool::connect(database_url).await.unwrap();
    sqlx::query(
        "INSERT INTO mappings (match, group_name, roles, transports, rooms,
                               created_at, created_by, updated_at, updated_by)
         VALUES ('exact', 'viewers', $1, '{WHEP}', '{lobby}', now(), 'hand', now(), 'hand')",
    )
    .bind(WATCH)
    .execute(&db)
    .await
    .unwrap();
    process.provider.person("vic").groups(["viewers"]);
    let begun = vic.get("/auth/login").await;
    let back = process.provider.approve(&begun.location(), "vic").await;
    assert_eq!(vic.get(&path_of(&back)).await.status, 303);
    vic
}

fn assert_only_in_body(answer: &Answer, token: &str) {
    let signature = token.rsplit('.').next().unwrap();
    for (name, value) in &answer.headers {
        let value = value.to_str().unwrap();
        assert!(!value.contains(signature), "{name}: {value}");
    }
    assert!(answer.set_cookies().is_empty());
}

#[tokio::test]
async fn r5_14_a_token_is_in_the_body_and_nowhere_else() {
    let database_url = new_database().await;
    let process = Process::start(&as_served(&database_url), SERVER).await;
    let mut vic = vic(&process, &database_url).await;

    let answer = vic.token(json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let by_api = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_only_in_body(&answer, &by_api);

    // In the page it is text to copy: nothing that a click, an image or the
    // browser's history would send anywhere.
    let page = vic.submit("/", "/portal/token", &[]).await;
    assert_eq!(page.status, 200);
    let (_, rest) = page.body.split_once("eyJ").unwrap();
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    let by_page = format!("eyJ{}", &rest[..end.unwrap()]);
    assert_eq!(by_page.split('.').count(), 3);
    assert_only_in_body(&page, &by_page);
    for attribute in ["href=\"", "src=\"", "action=\"", "value=\"", "content=\""] {
        for value in page.body.split(attribute).skip(1) {
            let value = value.split('"').next().unwrap();
            assert!(!value.contains("eyJ"), "{attribute}{value}");
        }
    }
    // Asking again shows nothing of it.
    assert!(!vic.peek("/").await.body.contains("eyJ"));

    let log = process.log();
    assert!(log.contains("token_issued"), "{log}");
    for secret in [&by_api, &by_page] {
        for part in secret.split('.').skip(1) {
            assert!(!log.contains(part), "part of a token is in the log");
        }
    }
    assert!(!log.contains(RED5_SECRET));
}
