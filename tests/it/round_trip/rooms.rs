//! `RED5_ROUND_TRIP_ROOM`: a question names a stream, and no room (RR-2).

use serde_json::json;

use super::{ann, question, says, start_with, token};

const CHECK: &str = "RED5_ROUND_TRIP_ROOM";

#[tokio::test]
async fn rr_2_by_default_a_token_for_rooms_is_false_for_every_stream() {
    let bridge = start_with(&[(CHECK, "")]).await;
    let for_a_room = token(&ann(&bridge).await, json!({})).await;
    for stream in ["cam", "studio-1", "studio-1_cam", ""] {
        let body = question(&for_a_room, "publisher", stream);
        assert!(!says(&bridge, &body).await, "{stream}");
    }
}

#[tokio::test]
async fn rr_2_ignored_rooms_let_every_stream_pass() {
    let bridge = start_with(&[(CHECK, "ignore")]).await;
    let for_a_room = token(&ann(&bridge).await, json!({})).await;
    for stream in ["cam", "studio-1_cam", "studio-2_cam"] {
        let body = question(&for_a_room, "publisher", stream);
        assert!(says(&bridge, &body).await, "{stream}");
    }
}

#[tokio::test]
async fn rr_2_with_a_prefix_the_streams_name_begins_with_the_room() {
    let bridge = start_with(&[(CHECK, "prefix")]).await;
    let ann = ann(&bridge).await;
    let for_a_room = token(&ann, json!({})).await;
    for (stream, good) in [
        ("studio-1_cam", true),
        ("studio-1_cam_2", true),
        ("studio-1", false),
        ("studio-2_cam", false),
        ("cam_studio-1", false),
        ("", false),
    ] {
        let body = question(&for_a_room, "publisher", stream);
        assert_eq!(says(&bridge, &body).await, good, "{stream}");
    }
    // The room of `a_b_cam` could be `a` or `a_b`.
    bridge
        .map("crew", super::BOTH, &["RTMP"], &["a", "a_b"])
        .await;
    let odd = token(&ann, json!({"rooms": ["a", "a_b"]})).await;
    for stream in ["a_b_cam", "a_cam", "a_b"] {
        let body = question(&odd, "publisher", stream);
        assert!(!says(&bridge, &body).await, "{stream}");
    }
}
