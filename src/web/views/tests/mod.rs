//! What holds for every page in every state.

mod content;
mod escaping;
mod structure;

use super::samples::{self, Sample};

/// Tags of a page as they are written, `<a href="…">`. Escaped text has no `<`.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.match_indices('<').map(|(start, _)| {
        let end = html[start..].find('>').expect("a tag ends");
        &html[start..=start + end]
    })
}

/// The value of one attribute of a tag, as written.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

fn is(tag: &str, element: &str) -> bool {
    let rest = tag
        .strip_prefix('<')
        .and_then(|rest| rest.strip_prefix(element));
    rest.is_some_and(|rest| rest.starts_with([' ', '>']))
}

fn each(check: impl Fn(&Sample)) {
    let all = samples::all();
    assert!(all.len() > 40);
    all.iter().for_each(check);
}

/// The page in this state.
fn page(name: &str) -> String {
    let found = samples::all()
        .into_iter()
        .find(|sample| sample.name == name);
    found.expect("there is such a sample").html
}
