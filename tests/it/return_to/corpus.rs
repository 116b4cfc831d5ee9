//! Every shape of `corpus.txt`, written in every way, at every place that
//! could lead somewhere: as a browser reads the answer, it stays at home (LR-6, LR-7).

use std::fmt::Write;

use url::Url;

use crate::bridge::{APP_ORIGIN, Browser, ORIGIN, TestBridge, path_of};
use crate::raw::{converse, statuses};

/// A shape with its escapes resolved.
fn unescaped(line: &str) -> String {
    if line == "<empty>" {
        return String::new();
    }
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let hex = |digits: &str| char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap();
        let (found, length) = match &after[..1] {
            "\\" => ('\\', 1),
            "t" => ('\t', 1),
            "n" => ('\n', 1),
            "r" => ('\r', 1),
            "x" => (hex(&after[1..3]), 3),
            "u" => {
                let end = after.find('}').unwrap();
                (hex(&after[2..end]), end + 1)
            }
            other => panic!("\\{other} in {line}"),
        };
        text.push(found);
        rest = &after[length..];
    }
    text + rest
}

fn corpus() -> Vec<String> {
    let lines = include_str!("corpus.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("## "));
    lines.map(unescaped).collect()
}

/// Whatever is no letter and no digit, as `%XX`.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        match byte {
            byte if byte.is_ascii_alphanumeric() => all.push(char::from(byte)),
            byte => write!(all, "%{byte:02X}").unwrap(),
        }
        all
    })
}

/// Where a browser that stands at `page` goes, by the rules of WHATWG.
fn goes_to(page: &str, location: &str) -> Url {
    Url::parse(page).unwrap().join(location).unwrap()
}

fn is_home(url: &Url) -> bool {
    [ORIGIN, APP_ORIGIN].contains(&url.origin().ascii_serialization().as_str())
        && url.username().is_empty()
        && url.password().is_none()
        && !url.path().starts_with("//")
}

/// Begins a sign-in that is to come back to `value`, as it stands in the
/// query; follows it to its end where it is taken. Says where that is.
async fn ends_at(bridge: &TestBridge, ann: &mut Browser, value: &str) -> Option<String> {
    ann.cookies.clear();
    let begun = ann.get(&format!("/auth/login?return_to={value}")).await;
    if begun.status == 400 {
        assert!(!begun.has("location") && begun.set_cookies().is_empty());
        assert!(!begun.body.contains("evil"), "{value:?} is repeated");
        return None;
    }
    assert_eq!(begun.status, 303, "{value:?}: {}", begun.body);
    let provider = begun.location();
    assert!(provider.as_str().starts_with(bridge.provider.issuer()));
    let back = bridge.provider.approve(&provider, "ann").await;
    let done = ann.get(&path_of(&back)).await;
    assert_eq!(done.status, 303, "{value:?}: {}", done.body);
    Some(done.header("location").to_owned())
}

#[test]
fn the_corpus_is_large_and_says_nothing_twice() {
    let all = corpus();
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert!(all.len() >= 300 && different.len() == all.len());
    assert_eq!(unescaped(r"/\\x\x09\u{ff0f}\r"), "/\\x\t\u{ff0f}\r");
}

#[tokio::test]
async fn lr_6_lr_7_no_shape_however_encoded_leads_elsewhere_after_a_sign_in() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let mut taken = Vec::new();
    for shape in corpus() {
        // What arrives is the shape, the shape encoded, and that encoded again.
        let mut value = shape.clone();
        for times in 0..3 {
            value = encoded(&value);
            let Some(location) = ends_at(&bridge, &mut ann, &value).await else {
                continue;
            };
            for page in [
                "https://bridge.example/auth/callback?code=x",
                "https://bridge.example/",
            ] {
                let url = goes_to(page, &location);
                assert!(
                    is_home(&url),
                    "{shape:?} encoded {times} times leads to {url}"
                );
                // Absolute, so that no parser has to guess.
                assert_eq!(url.as_str(), location);
            }
            taken.push(shape.clone());
        }
    }
    // What is taken is a path of ours, or one of ours spelled out.
    let harmless = |shape: &String| {
        shape.is_empty() || shape.starts_with('/') || shape.starts_with("https://")
    };
    assert!(taken.iter().all(harmless), "{taken:?}");
}

#[tokio::test]
async fn lr_6_a_shape_as_it_is_in_the_request_line_leads_nowhere_either() {
    let bridge = TestBridge::start().await;
    for shape in corpus() {
        let request = format!(
            "GET /auth/login?return_to={shape} HTTP/1.1\r\nHost: bridge.example\r\nConnection: close\r\n\r\n"
        );
        let said = converse(&bridge, request.as_bytes()).await;
        let head = said.split("\r\n\r\n").next().unwrap().to_lowercase();
        let location = head
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        match statuses(&said)[0] {
            303 => {
                let url = Url::parse(location.unwrap()).unwrap();
                assert!(
                    url.as_str().starts_with(bridge.provider.issuer()),
                    "{shape:?}: {url}"
                );
            }
            status => assert_eq!((status, location), (400, None), "{shape:?}"),
        }
        assert!(!said.contains("evil"), "{shape:?} is repeated");
    }
}

#[tokio::test]
async fn lr_6_lo_3_no_other_address_reads_a_return_address() {
    let bridge = TestBridge::start().await;
    let browser = bridge.browser();
    for shape in corpus() {
        let value = encoded(&shape);
        for name in ["return_to", "post_logout_redirect_uri", "url"] {
            for path in ["/auth/signed-out", "/auth/somebody-else", "/"] {
                let answer = browser.peek(&format!("{path}?{name}={value}")).await;
                assert_eq!(answer.status, 200, "{path} {shape:?}");
                assert!(!answer.has("location"));
                assert!(!answer.body.contains("evil"), "{path} {shape:?}");
            }
        }
    }
}

/// A form that signs out and says where to go.
async fn sign_out(browser: &mut Browser, more: &[(&str, &str)]) -> crate::bridge::Answer {
    browser.submit("/", "/auth/logout", more).await
}

#[tokio::test]
async fn lr_6_signing_out_leads_to_one_page_whatever_the_form_says() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    for name in ["return_to", "post_logout_redirect_uri"] {
        let mut ann = bridge.signed_in("ann").await;
        let answer = sign_out(&mut ann, &[(name, "https://evil.example/")]).await;
        assert_eq!(answer.status, 303);
        let location = answer.header("location");
        assert_eq!(location, "https://bridge.example/auth/signed-out");
    }
}

#[tokio::test]
async fn lr_6_lr_9_a_parameter_that_is_no_one_text_is_refused() {
    let bridge = TestBridge::start().await;
    let long = "a".repeat(60_000);
    for query in [
        "return_to=/a&return_to=/a",
        "return_to=/a&return_to=//evil.example",
        "return_to=//evil.example&return_to=/a",
        "return_to=&return_to=//evil.example",
        "return_to=/a&return%5fto=//evil.example",
        "return_to=/a&return_to",
        "return_to=/%ff",
        "return_to=/%c3%28",
        "return_to=/%ed%a0%80",
        "return_to=%ff//evil.example",
        "return_to=/%00",
        &format!("return_to=/{long}"),
        &format!("return_to=https://bridge.example/{long}"),
    ] {
        let answer = bridge.browser().peek(&format!("/auth/login?{query}")).await;
        assert_eq!(answer.status, 400, "{query:.80}");
        assert!(!answer.has("location") && answer.set_cookies().is_empty());
    }
    // Another name is another parameter.
    bridge.provider.person("ann");
    for query in [
        "Return_To=//evil.example",
        "return_to[]=//evil.example",
        "return-to=//evil.example",
    ] {
        let mut ann = bridge.browser();
        let begun = ann.get(&format!("/auth/login?{query}")).await;
        let back = bridge.provider.approve(&begun.location(), "ann").await;
        let done = ann.get(&path_of(&back)).await;
        assert_eq!(
            done.header("location"),
            "https://bridge.example/",
            "{query}"
        );
    }
}
