//! The members of the answer that an app relies on.

use serde_json::{Value, json};

use super::{BOTH, PUBLISH, WATCH, issued};
use crate::bridge::{Browser, TestBridge};

const SERVER: &[(&str, &str)] = &[("RED5_SERVER_URL", "https://media.example.com/live")];

async fn crew(bridge: &TestBridge, rooms: &[&str]) -> Browser {
    bridge.map("crew", PUBLISH, &["WHIP"], rooms).await;
    bridge.provider.person("ann").groups(["crew"]);
    bridge.signed_in("ann").await
}

async fn red5(browser: &Browser, ask: Value) -> Value {
    let answer = browser.token(ask).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut body = answer.json();
    assert_eq!(
        body["red5"]["connectionParams"]["token"],
        body["access_token"]
    );
    body["red5"]["connectionParams"]["token"].take();
    body["red5"].take()
}

#[tokio::test]
async fn the_answer_has_these_members_and_no_others() {
    let bridge = TestBridge::start_with(SERVER).await;
    let ann = crew(&bridge, &["studio-1"]).await;

    let answer = ann.token(json!({"ttl_seconds": 120})).await;

    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut body = answer.json();
    let token = body["access_token"].take();
    let expires_at = body["expires_at"].take();
    assert!(expires_at.as_str().unwrap().ends_with('Z'), "{expires_at}");
    assert_eq!(
        body,
        json!({
            "access_token": null, "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "expires_in": 120, "expires_at": null,
            "scope": "red5-publisher room:studio-1 transport:WHIP",
            "roles": ["red5-publisher"], "rooms": ["studio-1"], "transports": ["WHIP"],
            "ttl_limited_by": null, "left_out": [],
            "red5": {"protocol": "https", "host": "media.example.com", "port": 443,
                     "app": "live/studio-1",
                     "connectionParams": {"username": "jwt", "password": "jwt", "token": token}},
            "mapping_version": 2,
        })
    );
}

#[tokio::test]
async fn for_a_stream_manager_there_are_the_endpoints_that_the_scope_can_use_and_the_node_group() {
    let manager = [
        ("RED5_SERVER_URL", "https://media.example.com:8443/live"),
        ("RED5_SERVER_KIND", "stream-manager"),
        ("RED5_NODE_GROUP", "eu-1"),
    ];
    let bridge = TestBridge::start_with(&manager).await;
    bridge.map("crew", BOTH, &["*"], &["a", "b"]).await;
    bridge.provider.person("ann").groups(["crew"]);
    let ann = bridge.signed_in("ann").await;
    let at =
        |kind: &str, app: &str| format!("https://media.example.com:8443/as/v1/proxy/{kind}/{app}");
    for (ask, endpoints) in [
        (
            json!({"rooms": ["a"]}),
            json!({"publish": at("whip", "live/a"), "subscribe": at("whep", "live/a")}),
        ),
        (
            json!({"rooms": ["a"], "roles": PUBLISH}),
            json!({"publish": at("whip", "live/a")}),
        ),
        (
            json!({"rooms": ["a", "b"], "transports": ["WHEP"], "roles": WATCH}),
            json!({"subscribe": at("whep", "live")}),
        ),
        (json!({"rooms": ["a"], "transports": ["RTMP"]}), json!({})),
    ] {
        let red5 = red5(&ann, ask.clone()).await;
        assert_eq!(red5["endpoints"], endpoints, "{ask}");
        assert_eq!(red5["connectionParams"]["nodeGroup"], "eu-1");
        assert_eq!(red5["host"], "media.example.com");
    }
    let without = bridge.beside(&manager[1..]).await;
    let ann = ann.at(&without.address);
    let red5 = red5(&ann, json!({"rooms": ["a"]})).await;
    let params = json!({"username": "jwt", "password": "jwt", "token": null, "nodeGroup": "eu-1"});
    assert_eq!(red5, json!({"connectionParams": params}));
}

#[tokio::test]
async fn a_standalone_server_has_neither_endpoints_nor_a_node_group() {
    let bridge = TestBridge::start_with(&[SERVER[0], ("RED5_NODE_GROUP", "eu-1")]).await;
    let red5 = red5(&crew(&bridge, &["a"]).await, json!({})).await;
    assert!(red5.get("endpoints").is_none());
    assert!(red5["connectionParams"].get("nodeGroup").is_none());
}

#[tokio::test]
async fn the_room_is_in_app_only_when_the_scope_has_exactly_one() {
    let bridge = TestBridge::start_with(SERVER).await;
    let ann = crew(&bridge, &["studio-1", "studio-2"]).await;
    assert_eq!(red5(&ann, json!({})).await["app"], "live");
    let one = json!({"rooms": ["studio-2"]});
    assert_eq!(red5(&ann, one).await["app"], "live/studio-2");
    bridge.map("crew", PUBLISH, &["WHIP"], &["*"]).await;
    let any = red5(&ann, json!({})).await;
    assert_eq!(any["app"], "live");
}

#[tokio::test]
async fn without_a_server_url_red5_holds_the_connection_parameters_alone() {
    let bridge = TestBridge::start().await;
    let ann = crew(&bridge, &["studio-1"]).await;
    assert_eq!(
        red5(&ann, json!({})).await,
        json!({"connectionParams": {"username": "jwt", "password": "jwt", "token": null}})
    );
}

#[tokio::test]
async fn a_server_url_with_a_port_and_a_deeper_application_is_told_as_it_is() {
    let url = "http://127.0.0.1:5080/edge/live";
    let bridge = TestBridge::start_with(&[("RED5_SERVER_URL", url)]).await;
    let ann = crew(&bridge, &["studio-1"]).await;
    let red5 = red5(&ann, json!({})).await;
    assert_eq!(
        [
            &red5["protocol"],
            &red5["host"],
            &red5["port"],
            &red5["app"]
        ],
        [
            &json!("http"),
            &json!("127.0.0.1"),
            &json!(5080),
            &json!("edge/live/studio-1")
        ]
    );
}

#[tokio::test]
async fn what_one_token_cannot_hold_is_left_out_and_can_be_asked_for() {
    let bridge = TestBridge::start().await;
    let ann = crew(&bridge, &["studio-1"]).await;
    bridge.map("staff", WATCH, &["*"], &["*"]).await;
    bridge.provider.person("ann").groups(["crew", "staff"]);
    let both = bridge.signed_in("ann").await;
    drop(ann);

    let body = both.token(json!({})).await.json();

    // Both roles are better than one; in the room where both are granted.
    assert_eq!(body["roles"], json!(BOTH));
    assert_eq!(body["rooms"], json!(["studio-1"]));
    let everywhere = json!({"roles": WATCH, "transports": ["*"], "rooms": ["*"]});
    assert_eq!(body["left_out"], json!([everywhere]));
    let asked = both.token(everywhere).await.json();
    assert_eq!(asked["scope"], "red5-subscriber room:* transport:*");
    assert_eq!(
        asked["left_out"],
        json!([{"roles": PUBLISH, "transports": ["WHIP"], "rooms": ["studio-1"]}])
    );
}

#[tokio::test]
async fn where_there_are_patterns_alone_a_room_has_to_be_named() {
    let bridge = TestBridge::start().await;
    let ann = crew(&bridge, &["show-*", "class-*"]).await;

    let refused = ann.token(json!({})).await;

    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "room_required")
    );
    assert_eq!(refused.json()["patterns"], json!(["class-*", "show-*"]));
    issued(&ann, json!({"rooms": ["class-7", "show-x"]})).await;
    let outside = ann.token(json!({"rooms": ["class-", "class-7"]})).await;
    assert_eq!(
        (outside.status, outside.code().as_str()),
        (403, "scope_not_granted")
    );
    assert_eq!(outside.json()["refused"], json!(["class-"]));
}

#[tokio::test]
async fn the_same_question_gets_the_same_answer_and_lists_come_back_as_sets() {
    let bridge = TestBridge::start().await;
    let ann = crew(&bridge, &["studio-1", "studio-2"]).await;
    let ask =
        json!({"rooms": ["studio-2", "studio-1", "studio-2"], "transports": ["whip", "WHIP"]});
    let body = ann.token(ask).await.json();
    assert_eq!(body["rooms"], json!(["studio-1", "studio-2"]));
    assert_eq!(body["transports"], json!(["WHIP"]));
}
