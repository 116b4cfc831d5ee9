//! CS-10: what comes from outside is text, wherever it stands.

use super::{attribute, each, is, page, tags};
use crate::web::views::samples::{END_TAG, Sample, TAG, unbroken};

/// CS-10: text that got out of its place would be an element or an attribute
/// that no template has.
#[test]
fn cs_10_no_page_has_an_element_or_attribute_that_came_with_the_content() {
    const ELEMENTS: &str = "!doctype a aside bdi body button caption code datalist dd del details div dl dt em \
        fieldset form h1 h2 h3 h4 h5 head header html img input ins label legend li link main meta nav option p path pre \
        script section select span strong summary svg table tbody td textarea th thead time title tr ul";
    const ATTRIBUTES: &str = "accept action alt aria-current aria-hidden aria-describedby aria-invalid aria-label aria-labelledby \
        autocapitalize autocomplete charset checked class content d data-chooses data-copies data-ended-status \
        data-label data-remaining data-seconds datetime defer dir download enctype for form height hidden href html http-equiv id \
        inputmode lang list method name open readonly rel required role rows scope selected shape-rendering spellcheck src tabindex type \
        value viewBox width";
    each(|Sample { name, html }| {
        for tag in tags(html) {
            let mut quoted = tag.trim_matches(['<', '>', '/']).split('"');
            let outside: String = quoted.by_ref().step_by(2).collect::<Vec<_>>().join(" ");
            let mut words = outside.split_whitespace();
            let element = words.next().unwrap_or_default();
            assert!(
                ELEMENTS.split(' ').any(|known| known == element),
                "{name}: {tag}"
            );
            for word in words {
                let attribute = word.trim_end_matches('=');
                assert!(
                    ATTRIBUTES.split(' ').any(|known| known == attribute),
                    "{name}: {tag}"
                );
            }
        }
        assert!(!html.contains(TAG) && !html.contains(END_TAG), "{name}");
        assert_eq!(html.matches("<script").count(), 1, "{name}");
    });
}

/// CS-10: the samples do reach the places where escaping matters.
#[test]
fn cs_10_hostile_content_is_shown_not_dropped() {
    let escaped = "&#34;&#62;&#60;img src=x onerror=alert(1)&#62;&#39;";
    for name in [
        "portal-hostile",
        "portal-hostile-select",
        "no-grant-hostile",
        "mappings-hostile",
        "mappings-selected-hostile",
        "mapping-delete-hostile",
        "mapping-hostile",
        "sign-in-declined",
        "signed-out-leading-on",
        "sessions-found",
        "session-stop-hostile",
        "blocks",
        "block-form-wrong",
        "block-lift-hostile",
        "people-found",
        "person-hostile",
        "who-can-answer",
        "who-can-wrong",
        "history-hostile",
        "mappings-none-fit",
        "clients",
        "clients-none-fit",
        "client-hostile",
        "client-errors",
        "client-conflict",
        "client-delete-stale",
        "apps",
        "consent-hostile",
        "device-form-wrong",
        "device-hostile",
        "device-refused",
        "tests",
        "test-hostile",
        "test-conflict",
        "test-delete-stale",
        "files-wrong",
        "files-plan",
        "files-test-fails",
        "restore-at",
        "restore-wrong",
    ] {
        assert!(page(name).contains(escaped), "{name}");
    }
}

/// CS-8, CS-10: what the policy of the pages forbids, no page needs.
#[test]
fn cs_10_every_page_loads_from_its_own_address_alone_and_sends_there() {
    each(|Sample { name, html }| {
        for tag in tags(html) {
            let loads = attribute(tag, "href").filter(|_| is(tag, "link"));
            let addresses = [attribute(tag, "src"), attribute(tag, "action"), loads];
            for address in addresses.into_iter().flatten() {
                assert!(address.starts_with("/red5/"), "{name}: {tag}");
            }
            assert!(
                !is(tag, "script") || attribute(tag, "src").is_some(),
                "{name}"
            );
        }
    });
}

#[test]
fn a_name_is_kept_apart_and_a_direction_mark_in_it_is_written_out() {
    each(|Sample { name, html }| {
        // A control is a text of its own; a label is spoken.
        let parts = html.split("<textarea").enumerate();
        let outside = parts.map(|(at, part)| match part.split_once("</textarea>") {
            Some((_, outside)) if at > 0 => outside,
            _ => part,
        });
        let mut shown: String = outside.collect();
        for tag in tags(html) {
            for control in ["value", "aria-label"] {
                if let Some(value) = attribute(tag, control) {
                    shown = shown.replace(&format!(" {control}=\"{value}\""), "");
                }
            }
        }
        assert!(!shown.contains('\u{202e}'), "{name}");
    });
    let list = page("mappings-hostile");
    assert!(
        list.contains("<bdi class=\"name\">crew<span class=\"unseen\">U+202E</span>nimda<span")
    );
    assert!(list.contains(&format!("<bdi class=\"name\">{}</bdi>", unbroken())));
}
