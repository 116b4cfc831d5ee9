//! What a browser, a screen reader and a form handler rely on.

use std::collections::BTreeSet;

use super::{attribute, each, is, tags};
use crate::web::views::assets;
use crate::web::views::samples::Sample;

#[test]
fn every_address_lies_below_the_base_path_or_is_the_providers() {
    each(|Sample { name, html }| {
        for tag in tags(html).filter(|tag| is(tag, "a")) {
            let href = attribute(tag, "href").unwrap();
            let is_ours = href.starts_with("/red5/") || href.starts_with('#');
            let is_providers = href.starts_with("https://login.example.com/");
            assert!(is_ours || is_providers, "{name}: {href}");
        }
    });
}

#[test]
fn every_file_that_a_page_loads_exists_in_this_version() {
    each(|Sample { name, html }| {
        let loaded = tags(html).filter_map(|tag| attribute(tag, "src").or(attribute(tag, "href")));
        for url in loaded.filter(|url| url.contains("/assets/")) {
            let (path, version) = url.split_once("?v=").unwrap();
            let asset = assets::find(path.strip_prefix("/red5/assets/").unwrap());
            assert_eq!(
                asset.map(|asset| asset.version.as_str()),
                Some(version),
                "{name}"
            );
        }
    });
}

/// CS-1: without the token of the session no form is accepted.
#[test]
fn cs_1_every_form_but_a_search_is_a_post_with_the_form_token_first() {
    each(|Sample { name, html }| {
        for (at, _) in html.match_indices("<form") {
            let form = html[at..].split("</form>").next().unwrap();
            let mut tags = tags(form);
            if form.starts_with("<form method=\"get\"") {
                // It only looks, and its address must not hold the token.
                let looks = ["role=\"search\"", "class=\"jump\"", "class=\"bulk\""];
                assert!(looks.iter().any(|look| form.contains(look)), "{name}");
                assert!(!form.contains("form_token"), "{name}");
                continue;
            }
            assert_eq!(
                attribute(tags.next().unwrap(), "method"),
                Some("post"),
                "{name}"
            );
            let token = tags.next().unwrap();
            assert_eq!(attribute(token, "name"), Some("form_token"), "{name}");
            assert_eq!(attribute(token, "value"), Some("q0vX3Zt8wI2n"), "{name}");
        }
    });
}

#[test]
fn every_control_has_a_label_and_every_id_is_there_once() {
    each(|Sample { name, html }| {
        let mut ids = BTreeSet::new();
        for id in tags(html).filter_map(|tag| attribute(tag, "id")) {
            assert!(ids.insert(id), "{name}: {id} is there twice");
        }
        let labels: BTreeSet<&str> = tags(html).filter_map(|tag| attribute(tag, "for")).collect();
        assert!(labels.is_subset(&ids), "{name}: a label without a control");
        for reference in [
            "aria-describedby",
            "aria-labelledby",
            "list",
            "data-copies",
            "data-chooses",
        ] {
            for value in tags(html).filter_map(|tag| attribute(tag, reference)) {
                for id in value.split(' ') {
                    assert!(ids.contains(id), "{name}: {reference} names {id}");
                }
            }
        }
        for (at, _) in html.match_indices('<') {
            let tag = tags(&html[at..]).next().unwrap();
            let control = is(tag, "input") || is(tag, "select") || is(tag, "textarea");
            if !control || attribute(tag, "type") == Some("hidden") {
                continue;
            }
            let is_within_a_label = html[..at].rfind("<label") > html[..at].rfind("</label");
            let is_labelled = attribute(tag, "id").is_some_and(|id| labels.contains(id));
            assert!(is_within_a_label || is_labelled, "{name}: {tag}");
        }
    });
}

#[test]
fn a_link_within_the_page_leads_somewhere() {
    each(|Sample { name, html }| {
        for href in tags(html).filter_map(|tag| attribute(tag, "href")) {
            if let Some(id) = href.strip_prefix('#') {
                assert!(html.contains(&format!(" id=\"{id}\"")), "{name}: {href}");
            }
        }
    });
}

#[test]
fn headings_go_down_one_level_at_a_time_from_one_h1() {
    each(|Sample { name, html }| {
        let levels: Vec<u32> = tags(html)
            .filter_map(|tag| tag.strip_prefix("<h")?.chars().next()?.to_digit(10))
            .collect();
        assert_eq!(levels.first(), Some(&1), "{name}: {levels:?}");
        assert_eq!(
            levels.iter().filter(|level| **level == 1).count(),
            1,
            "{name}"
        );
        for pair in levels.windows(2) {
            assert!(pair[1] <= pair[0] + 1, "{name}: {levels:?}");
        }
    });
}

#[test]
fn every_page_has_a_language_a_title_and_its_landmarks() {
    each(|Sample { name, html }| {
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{name}"
        );
        let title = html.split("<title>").nth(1).unwrap();
        assert!(!title.starts_with(" ·"), "{name}");
        for part in ["<header", "<main id=\"main\"", "href=\"#main\""] {
            assert_eq!(html.matches(part).count(), 1, "{name}: {part}");
        }
    });
}

#[test]
fn elements_are_closed_in_the_order_in_which_they_were_opened() {
    const VOID: [&str; 5] = ["input", "meta", "link", "img", "!doctype"];
    each(|Sample { name, html }| {
        let mut open: Vec<&str> = Vec::new();
        for tag in tags(html) {
            let element = tag.trim_matches(['<', '>']);
            let element = element.split([' ', '\n']).next().unwrap_or_default();
            if let Some(closed) = element.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{name}");
            } else if !VOID.contains(&element) {
                open.push(element);
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
    });
}
