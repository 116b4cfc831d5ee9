//! The portal's words and lines: what a person reads and pastes.

use crate::bridge::{Answer, Browser, TestBridge};

async fn asked(browser: &mut Browser, fields: &[(&str, &str)]) -> Answer {
    let answer = browser.submit("/", "/portal/token", fields).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

async fn vic(bridge: &TestBridge) -> Browser {
    bridge.provider.person("vic").groups(["viewers"]);
    bridge.signed_in("vic").await
}

#[tokio::test]
async fn lines_to_paste_are_finished() {
    let server = [("RED5_SERVER_URL", "https://media.example.com/live")];
    let bridge = TestBridge::start_with(&server).await;
    bridge
        .map(
            "viewers",
            &["red5-publisher", "red5-subscriber"],
            &["*"],
            &["stage", "attic"],
        )
        .await;
    let mut vic = vic(&bridge).await;

    let page = asked(&mut vic, &[("room", "stage"), ("stream", " show-1 ")])
        .await
        .body;

    for line in [
        "https://media.example.com/live/stage/whip/endpoint/show-1?username=jwt&#38;password=jwt&#38;token=ey",
        "https://media.example.com/live/stage/whep/endpoint/show-1?",
        ">rtmp://media.example.com/live/stage</textarea>",
        ">show-1?username=jwt",
        "streamName: &#34;show-1&#34;",
        "ffmpeg -re",
        "ffplay &#39;rtmp://media.example.com/live/stage/show-1?",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert!(!page.contains("STREAM") && !page.contains("ROOM"));
    // What is typed stays, for the next token.
    assert!(page.contains("name=\"stream\" value=\" show-1 \""));

    let without = asked(&mut vic, &[("room", "stage")]).await.body;
    assert!(
        without.contains("write a <a href=\"#stream\">stream name</a>"),
        "{without}"
    );
    let two = asked(&mut vic, &[("stream", "show-1")]).await.body;
    assert!(
        two.contains("choose one room and write a stream name"),
        "{two}"
    );
    for page in [without, two] {
        assert!(page.contains("id=\"token\"") && !page.contains("line-1"));
    }
}

#[tokio::test]
async fn a_stream_name_that_cannot_be_is_refused_beside_its_field_and_nothing_is_issued() {
    let server = [("RED5_SERVER_URL", "https://media.example.com/live")];
    let bridge = TestBridge::start_with(&server).await;
    bridge
        .map("viewers", &["red5-publisher"], &["WHIP"], &["stage"])
        .await;
    let mut vic = vic(&bridge).await;
    for stream in [
        "a/b",
        "a?b=c",
        "\"><script>",
        "..",
        "two words",
        "\u{202e}x",
        &"x".repeat(129),
    ] {
        let page = asked(&mut vic, &[("stream", stream), ("room", "a b")])
            .await
            .body;
        assert!(
            page.contains("<a href=\"#stream\">Stream name</a>: a stream name is"),
            "{page}"
        );
        assert!(
            page.contains("<a href=\"#room\">Room</a>: a room is"),
            "{page}"
        );
        assert!(!page.contains("id=\"token\"") && !page.contains("<script>"));
    }
    // Without a server there are no lines, and no field for them.
    let bridge = TestBridge::start().await;
    bridge
        .map("viewers", &["red5-publisher"], &["WHIP"], &["stage"])
        .await;
    let page = self::vic(&bridge).await.peek("/").await.body;
    assert!(page.contains("id=\"room\"") && !page.contains("id=\"stream\""));
}

#[tokio::test]
async fn a_field_that_is_sent_twice_is_refused_by_its_own_name() {
    let bridge = TestBridge::start().await;
    bridge
        .map("viewers", &["red5-publisher"], &["WHIP"], &["stage"])
        .await;
    let mut vic = vic(&bridge).await;
    let page = asked(&mut vic, &[("room", "stage"), ("room", "stage")])
        .await
        .body;
    assert!(
        page.contains("<a href=\"#room\">Room</a>: must be sent once"),
        "{page}"
    );
    assert!(!page.contains("must be a whole number"), "{page}");
}

#[tokio::test]
async fn the_hint_beside_the_room_is_true() {
    let bridge = TestBridge::start().await;
    let rooms: Vec<String> = (0..300).map(|n| format!("classroom-number-{n}")).collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let mut pages = Vec::new();
    for (group, rooms) in [
        ("many", &rooms[..]),
        ("two", &["a", "b"]),
        ("form", &["class-*"]),
        ("any", &["*"]),
    ] {
        bridge
            .map(group, &["red5-subscriber"], &["WHEP"], rooms)
            .await;
        bridge.provider.person(group).groups([group]);
        let mut browser = bridge.signed_in(group).await;
        let hint = browser.peek("/").await.body;
        let made = asked(&mut browser, &[("room", "")]).await.body;
        pages.push((hint, made.contains("id=\"token\""), browser));
    }
    for ((hint, is_made, _), (sentence, expected)) in pages.iter().zip([
        (
            "Name one: your rooms together are more than one token can carry.",
            false,
        ),
        ("Leave it empty for one token for the 2 rooms", true),
        (
            "Name one: rooms of a form cannot be listed in a token.",
            false,
        ),
        ("Leave it empty for a token that is good in any room.", true),
    ]) {
        assert!(hint.contains(sentence), "{hint}");
        assert_eq!(*is_made, expected, "{sentence}");
    }
    assert!(pages[0].0.contains(">Choose a room</option>"));
    let one = asked(&mut pages[0].2, &[("room", "classroom-number-7")]).await;
    assert!(one.body.contains("id=\"token\""));
}

#[tokio::test]
async fn a_refusal_names_the_word_and_what_is_granted_instead() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    bridge
        .map("viewers", &["red5-publisher"], &["WHIP"], &["stage"])
        .await;
    let mut vic = vic(&bridge).await;

    let page = asked(&mut vic, &[("room", "lobby"), ("roles", "red5-publisher")])
        .await
        .body;

    let refusal = page
        .split("No token was made")
        .nth(1)
        .unwrap()
        .split("</form>")
        .next()
        .unwrap();
    let held = "granted to you, but not together with the rest of what you chose:";
    assert!(refusal.contains(&format!(
        "<a href=\"#room\">Room</a>: {held} <code>lobby</code>"
    )));
    assert!(refusal.contains(&format!(
        "<a href=\"#roles\">What to do</a>: {held} <code>Publish</code>"
    )));
    let instead = refusal.split("Granted to you instead:").nth(1).unwrap();
    assert!(instead.contains("<code>lobby</code>") && instead.contains("<code>stage</code>"));

    let page = asked(&mut vic, &[("room", "attic")]).await.body;
    assert!(
        page.contains("<a href=\"#room\">Room</a>: not granted to you: <code>attic</code>"),
        "{page}"
    );
}

#[tokio::test]
async fn with_many_grants_the_form_comes_first() {
    let bridge = TestBridge::start().await;
    let vic = vic(&bridge).await;
    for number in 0..6 {
        bridge
            .map(
                "viewers",
                &["red5-subscriber"],
                &["WHEP"],
                &[&format!("room-{number}")],
            )
            .await;
        let page = vic.peek("/").await.body;
        let place = |id: &str| page.find(&format!("id=\"{id}\"")).unwrap();
        assert_eq!(place("get") < place("may"), number >= 4, "{number}");
    }
}

#[tokio::test]
async fn a_user_name_that_is_missing_is_what_the_portal_names_beside_the_grants() {
    let bridge = TestBridge::start_with(&[("RED5_SUBJECT", "username")]).await;
    bridge.map_lobby().await;
    bridge
        .provider
        .person("vic")
        .groups(["viewers"])
        .without("preferred_username");
    let mut vic = bridge.signed_in("vic").await;

    let page = asked(&mut vic, &[]).await.body;

    assert!(page.contains("know you by your user name"), "{page}");
    assert!(page.contains("Watch</span> in"), "{page}");
    assert!(
        !page.to_lowercase().contains("nothing is granted"),
        "{page}"
    );
}
