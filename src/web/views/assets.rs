//! The files that pages load: one style sheet, one script, one icon. They are
//! part of the program, so a page and its files are always of one version.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file, served as `{base}/assets/{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Last segment of its path.
    pub name: &'static str,
    pub content_type: &'static str,
    pub content: &'static str,
    /// Names this content: 16 hexadecimal digits of its SHA-256. A request
    /// with this value in `v` may be kept for ever; any other must ask again,
    /// since during an upgrade an older instance may answer for a newer page.
    pub version: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset(
            "bridge.css",
            "text/css; charset=utf-8",
            include_str!("../../../assets/bridge.css"),
        ),
        asset(
            "bridge.js",
            "text/javascript; charset=utf-8",
            include_str!("../../../assets/bridge.js"),
        ),
        asset(
            "bridge.svg",
            "image/svg+xml; charset=utf-8",
            include_str!("../../../assets/bridge.svg"),
        ),
    ]
});

fn asset(name: &'static str, content_type: &'static str, content: &'static str) -> Asset {
    let digest = Sha256::digest(content.as_bytes());
    let version = digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Asset {
        name,
        content_type,
        content,
        version,
    }
}

/// The module for the pages of apps (`clients/js`), served under one address whatever its version.
pub static CLIENT_MODULE: LazyLock<Asset> = LazyLock::new(|| {
    asset(
        "red5-bridge.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../clients/js/red5-bridge.js"),
    )
});

/// The file of this name, if it is one of ours.
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
pub fn all() -> &'static [Asset] {
    ASSETS.as_slice()
}

/// Address below the base path, with the version of the content.
pub(super) fn href(name: &str) -> String {
    let version = find(name).map_or("", |asset| &asset.version);
    format!("/assets/{name}?v={version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_exact_name_alone() {
        assert_eq!(
            find("bridge.css").map(|asset| asset.content_type),
            Some("text/css; charset=utf-8")
        );
        for name in [
            "",
            "bridge",
            "BRIDGE.CSS",
            "../bridge.css",
            "bridge.css?v=1",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    #[test]
    fn the_address_names_the_content() {
        let css = find("bridge.css").unwrap();
        assert_eq!(css.version.len(), 16);
        assert_eq!(
            href("bridge.css"),
            format!("/assets/bridge.css?v={}", css.version)
        );
        assert_ne!(css.version, find("bridge.js").unwrap().version);
    }

    /// CS-10: the policy of the pages forbids both, and nothing may need them.
    #[test]
    fn no_file_asks_for_anything_from_elsewhere() {
        for asset in all() {
            let content = asset.content.replace("http://www.w3.org/2000/svg", "");
            for word in ["http:", "https:", "data:", "@import", "eval(", "innerHTML"] {
                assert!(!content.contains(word), "{} has {word}", asset.name);
            }
        }
    }
}
