//! What single pages must say, and what they must not.

use super::{attribute, each, page, tags};
use crate::web::views::assets;
use crate::web::views::samples::{self, Sample};

#[test]
fn what_was_typed_comes_back_to_the_letter() {
    let form = page("mapping-errors");
    // A first line end within a text area is dropped by browsers: the template writes one.
    assert!(form.contains(">\nstudio-1\r\n\r\nroom one, two\r\nshow-{3}</textarea>"));
    for value in ["an hour", "tomorrow", "2026-13-01", "show-crew"] {
        assert!(form.contains(&format!(" value=\"{value}\"")), "{value}");
    }
    for chosen in ["match-glob", "transports-any", "rooms-listed", "enabled"] {
        let tag = tags(&form).find(|tag| attribute(tag, "id") == Some(chosen));
        assert!(tag.unwrap().ends_with(" checked>"), "{chosen}");
    }
}

#[test]
fn an_error_of_a_room_names_the_room_beside_the_field_and_above() {
    let form = page("mapping-errors");
    let named = form
        .matches("<bdi><code>room one, two</code></bdi>: ")
        .count();
    assert_eq!(named, 2);
    assert!(form.contains("<a href=\"#rooms\">Rooms</a>"));
    let rooms = tags(&form)
        .find(|tag| attribute(tag, "id") == Some("rooms"))
        .unwrap();
    assert_eq!(attribute(rooms, "aria-invalid"), Some("true"));
}

#[test]
fn after_a_conflict_the_form_replaces_the_version_that_was_shown() {
    let form = page("mapping-conflict");
    assert!(form.contains("name=\"version\" value=\"5\""));
    assert!(!form.contains("name=\"version\" value=\"3\""));
    assert!(form.contains("Paused by Bo"));
}

#[test]
fn the_page_of_somebody_without_a_grant_never_leads_to_a_sign_in() {
    each(|Sample { name, html }| {
        if name.starts_with("no-grant") {
            assert!(!html.contains("/auth/login"), "{name}");
            assert!(html.contains("action=\"/red5/auth/logout\""), "{name}");
        }
    });
}

#[test]
fn the_administration_is_shown_to_administrators_alone() {
    each(|Sample { name, html }| {
        let shows = html.contains("href=\"/red5/admin/mappings\"");
        let expected = html.contains(">Mappings</a>");
        assert_eq!(shows, expected, "{name}");
    });
    let viewer = page("portal-viewer");
    assert!(!viewer.contains("/admin/"));
}

/// The switch sends what the row is to become, and pages keep their place.
#[test]
fn a_row_that_is_off_offers_to_switch_it_on() {
    let list = page("mappings-middle");
    assert_eq!(list.matches("name=\"enabled\" value=\"true\"").count(), 1);
    assert_eq!(list.matches("name=\"enabled\" value=\"false\"").count(), 4);
    assert!(list.contains("name=\"list\" value=\"offset=50\""));
    assert!(list.contains("href=\"/red5/admin/mappings/7?list=offset%3D50\""));
    assert!(list.contains("href=\"/red5/admin/mappings/7/delete?list=offset%3D50\""));
    assert!(list.contains("href=\"/red5/admin/mappings/new?from=7&#38;list=offset%3D50\""));
    assert!(list.contains("href=\"/red5/admin/mappings?limit=50&#38;offset=0\""));
    assert!(list.contains("href=\"/red5/admin/mappings?limit=50&#38;offset=100\""));
    assert!(list.contains("51 to 55 of 132"));
}

#[test]
fn the_row_that_was_changed_is_marked_and_one_that_is_elsewhere_is_linked() {
    let here = page("mappings");
    assert_eq!(here.matches("is-told").count(), 1);
    assert!(here.contains("id=\"mapping-3\" class=\"is-told\"") && here.contains(">saved</span>"));
    assert!(!here.contains("not on this page"));
    let elsewhere = page("mappings-told-elsewhere");
    let link =
        "It is not on this page of the list. <a href=\"/red5/admin/mappings/99?list=offset%3D50\">";
    assert!(elsewhere.contains(link) && !elsewhere.contains("is-told"));
    let deleted = page("mappings-deleted");
    assert!(deleted.contains("was deleted") && !deleted.contains("not on this page"));
}

#[test]
fn what_was_done_to_several_mappings_is_told_and_can_be_undone() {
    let list = page("mappings-several");
    assert!(list.contains("3 mappings are off. No new token comes from them."));
    assert!(list.contains("href=\"/red5/admin/mappings/restore?change_set=12\">Undo</a>"));
    assert!(!list.contains("is-told") && !list.contains("not on this page"));
}

#[test]
fn a_selection_is_sent_on_as_it_is_shown() {
    let asked = page("mappings-selected");
    assert!(asked.contains("<h1>Switch off 5 mappings?</h1>"));
    assert_eq!(asked.matches("name=\"row\" value=\"").count(), 5);
    assert!(asked.contains("name=\"row\" value=\"7.3\""));
    assert!(asked.contains("name=\"do\" value=\"off\""));
    let nothing = page("mappings-selected-none");
    assert!(nothing.contains("No mapping is selected") && !nothing.contains("name=\"do\""));
    let hostile = page("mappings-selected-hostile");
    assert!(hostile.contains("mappings 20, 21 and 30") && hostile.contains("more: mapping 5."));
}

#[test]
fn the_enter_key_reviews() {
    for name in [
        "mapping-new",
        "mapping-edit",
        "mapping-review-both",
        "mapping-errors",
    ] {
        let html = page(name);
        let form = html.split("<main").nth(1).unwrap();
        let first = tags(form).find(|tag| tag.starts_with("<button"));
        assert!(first.unwrap().contains("name=\"review\""), "{name}");
        assert!(
            form.contains(">Save</button>") || form.contains(">Add it</button>"),
            "{name}"
        );
    }
}

#[test]
fn a_review_counts_the_people_and_names_twenty() {
    let review = page("mapping-review-both");
    let said = "Of 5,050 people who were seen (50 signed in), 1,012 can do something else then.";
    assert!(review.contains(said), "{review}");
    assert_eq!(review.matches("href=\"/red5/admin/people/p_").count(), 20);
    assert!(review.contains("<li>and 992 more</li>"));
    assert!(review.contains("<li>Gains 2 more</li>"));
}

/// Not a check: `BRIDGE_PAGES_DIR=target/pages cargo test --lib pages_are_written`
/// puts every sample where a browser can open it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by hand, by the developer who runs it"
)]
fn pages_are_written_where_asked() {
    let Ok(folder) = std::env::var("BRIDGE_PAGES_DIR") else {
        return;
    };
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder.join("red5/assets")).unwrap();
    for asset in assets::all() {
        std::fs::write(folder.join("red5/assets").join(asset.name), asset.content).unwrap();
    }
    for Sample { name, html } in samples::all() {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}
