//! A panic: one event with the request's id and without what it says, one 500,
//! and everything else goes on (AV-6).
//!
//! The hook belongs to a whole process, and no handler of the bridge panics: so the
//! test runs itself once more, as a server with one handler that does.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use red5_bridge::logging::{self, LogFormat};
use red5_bridge::web as pages;
use serde_json::Value;

use crate::bridge::Browser;

const CHILD: &str = "RED5_BRIDGE_TEST_PANICS";
const SECRET: &str = "what-the-panic-says-canary";

async fn panics(path: web::Path<String>) -> String {
    if *path == "well" {
        return "well".to_owned();
    }
    tokio::task::yield_now().await;
    panic!("{SECRET} {path}");
}

/// Does something only as the child of the next test.
#[test]
#[expect(clippy::disallowed_methods, reason = "how the parent tells its child")]
fn the_server_that_panics() {
    if std::env::var(CHILD).is_err() {
        return;
    }
    logging::install(LogFormat::Json, "info").unwrap();
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new()
                .wrap(from_fn(pages::catch_panics))
                .wrap(from_fn(pages::render_refusals))
                .wrap(from_fn(pages::add_headers))
                .wrap(from_fn(pages::record_answers))
                .wrap(from_fn(pages::number_requests))
                .wrap(from_fn(pages::note_route))
                .route("/page/{what}", web::get().to(panics))
                .route("/api/{rest:.*}", web::get().to(panics))
        })
        .workers(1)
        .bind("127.0.0.1:0")
        .unwrap();
        tracing::info!("listening on http://{}", server.addrs()[0]);
        server.run().await.unwrap();
    });
}

#[tokio::test]
async fn av_6_a_panic_is_one_event_and_one_500_and_the_worker_lives_on() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "logging::panics::the_server_that_panics",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().expect("it starts").unwrap();
        if let Some((_, rest)) = line.split_once("listening on ") {
            break rest.split('"').next().unwrap().to_owned();
        }
    };
    let browser = Browser::new(&address);
    let mut ids = Vec::new();
    for at in 0..20 {
        for path in [format!("/page/{at}"), format!("/api/{at}")] {
            let answer = browser.peek(&path).await;
            assert_eq!(answer.status, 500);
            assert!(!answer.body.contains(SECRET), "{}", answer.body);
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cache-control"), "no-store");
            let kind = answer.header("content-type");
            if path.starts_with("/api/") {
                assert_eq!(kind, "application/problem+json");
                assert_eq!(answer.code(), "internal");
            } else {
                assert!(kind.starts_with("text/html"), "{kind}");
                assert!(answer.body.contains(answer.header("x-request-id")));
            }
            ids.push(answer.header("x-request-id").to_owned());
        }
    }
    assert_eq!(browser.peek("/page/well").await.body, "well");
    child.kill().unwrap();
    child.wait().unwrap();
    let log: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(!log.iter().any(|line| line.contains(SECRET)), "{log:?}");
    let events: Vec<Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .filter(|event: &Value| event["event"].is_string())
        .collect();
    let told: Vec<&str> = events
        .iter()
        .map(|event| {
            assert_eq!(event["event"], "panicked", "{event}");
            assert!(
                event["place"].as_str().unwrap().contains("panics.rs:"),
                "{event}"
            );
            event["span"]["id"].as_str().unwrap()
        })
        .collect();
    assert_eq!(told, ids);
}
