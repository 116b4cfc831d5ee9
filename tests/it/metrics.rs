//! The second listener, and the numbers it gives (SC-6).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::bridge::{Browser, TestBridge};
use crate::process::refused_start;

const ON: (&str, &str) = ("BRIDGE_OPS_LISTEN", "127.0.0.1:0");

async fn numbers(bridge: &TestBridge) -> String {
    let ops = Browser::new(bridge.ops_address.as_ref().unwrap());
    let answer = ops.peek("/metrics").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// The value of one series, as it is written.
fn value<'a>(numbers: &'a str, series: &str) -> &'a str {
    let line = numbers.lines().find_map(|line| {
        let rest = line.strip_prefix(series)?;
        rest.strip_prefix(' ')
    });
    line.unwrap_or_else(|| panic!("no {series} in\n{numbers}"))
}

#[tokio::test]
async fn the_second_listener_serves_numbers_and_health_and_nothing_else() {
    let bridge = TestBridge::start_with(&[ON]).await;
    let ops = Browser::new(bridge.ops_address.as_ref().unwrap());
    for path in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(ops.peek(path).await.status, 200, "{path}");
        let answer = ops.send("POST", path, &[], "").await;
        assert_eq!(answer.status, 405, "{path}");
    }
    for path in [
        "/",
        "/metrics/",
        "/auth/login",
        "/admin/mappings",
        "/assets/style.css",
        "/nothing",
    ] {
        assert_eq!(ops.peek(path).await.status, 404, "{path}");
    }
    assert_eq!(ops.send("POST", "/auth/logout", &[], "").await.status, 404);
    let answer = ops.peek("/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn sc_6_the_listener_for_people_has_no_numbers_and_without_a_word_there_is_no_second_one() {
    let bridge = TestBridge::start().await;
    assert_eq!(bridge.ops_address, None);
    assert_eq!(bridge.browser().peek("/metrics").await.status, 404);
}

#[tokio::test]
async fn an_address_that_is_taken_keeps_the_bridge_from_starting_and_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = refused_start(&[("BRIDGE_OPS_LISTEN", &address)]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("BRIDGE_OPS_LISTEN"), "{said}");
}

#[tokio::test]
async fn what_people_do_is_counted_by_how_it_ended() {
    let bridge = TestBridge::start_with(&[ON]).await;
    bridge.map_lobby().await;
    let before = numbers(&bridge).await;
    let zero = r#"red5_bridge_exchanges_total{outcome="issued"}"#;
    assert_eq!(value(&before, zero), "0", "there from the start");
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    assert_eq!(vic.token(json!({})).await.status, 200);
    assert_eq!(vic.token(json!({})).await.status, 200);
    assert_eq!(vic.token(json!({"rooms": ["studio"]})).await.status, 403);
    assert_eq!(vic.peek("/nothing/of/ours").await.status, 404);
    let stranger = bridge.browser();
    assert_eq!(
        stranger.peek("/auth/callback?state=x&code=y").await.status,
        400
    );

    let numbers = numbers(&bridge).await;

    for (series, expected) in [
        // The administrator who made the mapping, and Vic.
        (r#"red5_bridge_sign_ins_total{outcome="signed_in"}"#, "2"),
        (r#"red5_bridge_sign_ins_total{outcome="attempt"}"#, "1"),
        (r#"red5_bridge_exchanges_total{outcome="issued"}"#, "2"),
        (
            r#"red5_bridge_exchanges_total{outcome="scope_not_granted"}"#,
            "1",
        ),
        (r#"red5_bridge_refreshes_total{outcome="refreshed"}"#, "0"),
        (
            r#"red5_bridge_refusals_total{code="scope_not_granted"}"#,
            "1",
        ),
        (r#"red5_bridge_refusals_total{code="attempt_unknown"}"#, "1"),
        (
            r#"red5_bridge_http_requests_total{route="/api/token",status="2xx"}"#,
            "2",
        ),
        (
            r#"red5_bridge_http_requests_total{route="/api/token",status="4xx"}"#,
            "1",
        ),
        (
            r#"red5_bridge_http_requests_total{route="other",status="4xx"}"#,
            "1",
        ),
        (
            r#"red5_bridge_provider_call_seconds_count{endpoint="token",outcome="answered"}"#,
            "2",
        ),
        (
            r#"red5_bridge_provider_calls_spared_total{endpoint="token"}"#,
            "0",
        ),
        (r#"red5_bridge_build_info{version="0.1.0"}"#, "1"),
        ("red5_bridge_fresh", "1"),
        ("red5_bridge_provider_ready", "1"),
        ("red5_bridge_database_connections_max", "10"),
    ] {
        assert_eq!(value(&numbers, series), expected, "{series}");
    }
    let version: i64 = sqlx::query_scalar("SELECT mappings FROM change_counter")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    let told = value(&numbers, "red5_bridge_mapping_version");
    assert_eq!(told, version.to_string());
    let age: f64 = value(&numbers, "red5_bridge_snapshot_age_seconds")
        .parse()
        .unwrap();
    assert!(age < 5.0, "{age}");
    assert_ne!(
        value(&numbers, "red5_bridge_database_wait_seconds_count"),
        "0"
    );
}

/// The metrics name no user and nothing of an installation, and a client cannot add series.
#[tokio::test]
async fn sc_6_no_identity_and_no_configuration_is_in_the_numbers() {
    let bridge = TestBridge::start_with(&[
        ON,
        ("BRIDGE_PUBLIC_URL", "https://bridge.example/canary-base"),
    ])
    .await;
    let mut stranger = bridge.browser();
    let begun = stranger.get("/canary-base/auth/login").await;
    assert_eq!(begun.status, 303);
    bridge
        .provider
        .person("canary-sub")
        .groups(["canary-group"]);
    let back = bridge
        .provider
        .approve(&begun.location(), "canary-sub")
        .await;
    let callback = format!("{}?{}", back.path(), back.query().unwrap());
    assert_eq!(stranger.get(&callback).await.status, 303);
    let ask = json!({"rooms": ["canary-room"]});
    let refused = stranger.api("POST", "/canary-base/api/token", &ask).await;
    assert_eq!(refused.status, 403);
    for path in [
        "/canary-path",
        "/canary-base/canary-path",
        "/canary-base/assets/canary.css",
        "/canary-base/api/canary",
        "/canary-base/admin/mappings/7077077",
        "/canary-base/?canary=canary",
    ] {
        stranger.peek(path).await;
        stranger.send("CANARY", path, &[], "").await;
    }

    let numbers = numbers(&bridge).await;

    let own = url::Url::parse(&bridge.database_url).unwrap();
    for secret in [
        "canary",
        "CANARY",
        "bridge.example",
        bridge.provider.issuer(),
        own.path().trim_start_matches('/'),
        "7077077",
    ] {
        let found = numbers.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret}");
    }
    assert!(numbers.contains(r#"route="/admin/mappings/{id}",status="4xx""#));
    assert!(numbers.contains(r#"route="/",status="2xx""#));
}

/// The names in the rules that are ours.
fn names(rules: &str) -> Vec<String> {
    let mut names: Vec<String> = rules
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("red5_bridge_"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The values of a label that a rule compares with, as far as they are words.
fn compared(rules: &str, label: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in rules.split(&format!("{label}=")).skip(1) {
        let quoted = rest.trim_start_matches('~').trim_start_matches('"');
        let value = quoted.split('"').next().unwrap();
        found.extend(value.split('|').map(str::to_owned));
    }
    found
}

#[tokio::test]
async fn each_alert_rule_and_panel_names_metrics_and_outcomes_that_exist() {
    let rules = fs::read_to_string(alerts()).unwrap();
    let panels = queries().join("\n");
    let bridge = TestBridge::start_with(&[ON]).await;
    // Refusals and calls are there once they happened.
    bridge.browser().peek("/nothing").await;
    bridge.admin().await;
    let numbers = numbers(&bridge).await;
    let (rules_names, panels_names) = (names(&rules), names(&panels));
    assert!(rules_names.len() > 8, "{rules_names:?}");
    assert!(panels_names.len() > 16, "{panels_names:?}");
    for name in rules_names.iter().chain(&panels_names) {
        let is_it = |line: &str| {
            line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} "))
        };
        assert!(numbers.lines().any(is_it), "{name} in\n{numbers}");
    }
    for outcome in compared(&rules, "outcome") {
        assert!(
            numbers.contains(&format!("outcome=\"{outcome}\"")),
            "{outcome}"
        );
    }
    let document =
        fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md"))
            .unwrap();
    for line in rules.lines().filter(|line| line.contains("- alert: ")) {
        let alert = line.split(": ").nth(1).unwrap();
        assert!(
            document.contains(alert),
            "{alert} is not in docs/operators.md"
        );
    }
}

fn alerts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.yml")
}

/// The queries of docs/grafana.json.
fn queries() -> Vec<String> {
    let text = fs::read_to_string(alerts().with_file_name("grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

/// What Prometheus's own program says, as `scripts/provide promtool` has it.
fn promtool(arguments: [&str; 2], file: &Path) -> String {
    let unpacked =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".local/debian/promtool/bin/promtool");
    let mut command = if unpacked.exists() {
        Command::new(unpacked)
    } else {
        Command::new("promtool")
    };
    let output = command.args(arguments).arg(file).output();
    let output = output.expect("promtool: run scripts/provide promtool");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

#[test]
fn prometheus_itself_reads_the_alert_rules() {
    let said = promtool(["check", "rules"], &alerts());
    assert!(said.contains("12 rules found"), "{said}");
}

#[test]
fn each_alert_fires_when_it_should_and_not_when_it_nearly_should() {
    let cases = alerts().with_file_name("alerts.test.yml");
    promtool(["test", "rules"], &cases);

    let cases = fs::read_to_string(cases).unwrap();
    let rules = fs::read_to_string(alerts()).unwrap();
    for line in rules.lines().filter(|line| line.contains("- alert: ")) {
        let alert = line.split(": ").nth(1).unwrap();
        for case in [
            format!("alertname: {alert}, exp_alerts: [] }}\n"),
            format!("alertname: {alert}\n        exp_alerts:\n          - exp_labels: "),
        ] {
            assert!(cases.contains(&case), "no {case} in docs/alerts.test.yml");
        }
    }
}

#[test]
fn prometheus_itself_reads_the_queries_of_the_dashboard() {
    // As Grafana sends them.
    let rules = queries().into_iter().enumerate().map(|(at, query)| {
        let expr = query
            .replace("$__rate_interval", "1m")
            .replace("$instance", ".*");
        json!({"record": format!("panel:{at}"), "expr": expr})
    });
    let rules = rules.collect::<Vec<_>>();
    // JSON is YAML.
    let groups = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let file = std::env::temp_dir().join(format!("dashboard-{}.yml", std::process::id()));
    fs::write(&file, groups.to_string()).unwrap();
    let said = promtool(["check", "rules"], &file);
    fs::remove_file(file).unwrap();
    assert!(
        said.contains(&format!("{} rules found", rules.len())),
        "{said}"
    );
}
