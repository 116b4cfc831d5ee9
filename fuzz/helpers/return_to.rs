//! An address that is handed to `/auth/login`.

use url::Url;

use crate::flow::return_to::{RETURN_TO_MAX_BYTES, ReturnToRule};

const HOME: &str = "https://bridge.example/red5/";
const APPS: [&str; 2] = ["https://app.example", "http://127.0.0.1:3000"];

/// What is accepted leads, for a browser, to our own or an allowed origin; it is
/// fit for a header, and is accepted unchanged when it is judged again (LR-6).
pub fn return_to(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let rule = ReturnToRule::new(HOME, APPS.map(str::to_owned).to_vec()).unwrap();
    let Ok(good) = rule.check(text, |_| false) else {
        return;
    };
    let address = good.as_str();
    assert!(address.len() <= RETURN_TO_MAX_BYTES);
    assert!(
        address.bytes().all(|byte| byte.is_ascii_graphic()),
        "{address}"
    );
    // The browser follows it from the callback, and reads it by the URL standard.
    let callback = Url::parse("https://bridge.example/red5/auth/callback").unwrap();
    let target = callback.join(address).unwrap();
    assert_eq!(target.as_str(), address, "not absolute, or not settled");
    let origin = target.origin().ascii_serialization();
    assert!(
        origin == "https://bridge.example" || APPS.contains(&origin.as_str()),
        "{text:?} leads to {origin}"
    );
    assert!(target.username().is_empty() && target.password().is_none());
    assert!(!target.path().starts_with("//"), "{address}");
    // As it was typed it leads to the same place: no reader was fooled.
    assert_eq!(callback.join(text).unwrap(), target);
    assert_eq!(rule.check(address, |_| false), Ok(good.clone()));
}
