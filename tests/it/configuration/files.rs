//! Secrets from files, the certificate authority's file, and `.env.example`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::{Environment, good, least, read, wrong};
use crate::bridge::{RED5_SECRET, SECRET_KEY};

/// A folder that is gone afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let mut name = [0; 8];
        getrandom::fill(&mut name).unwrap();
        let path = std::env::temp_dir().join(format!("bridge-{:016x}", u64::from_be_bytes(name)));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and says where it is.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn sc_1_a_secret_may_come_from_a_file_and_one_line_end_is_not_part_of_it() {
    let folder = Folder::new();
    for end in ["", "\n", "\r\n"] {
        let path = folder.file("red5", format!("{RED5_SECRET}{end}"));
        let config = good(&[("RED5_JWT_SECRET", ""), ("RED5_JWT_SECRET_FILE", &path)]);
        assert_eq!(config.red5.secret.expose_secret(), RED5_SECRET.as_bytes());
    }
    let path = folder.file("client", " spaced \n\n");
    let config = good(&[
        ("OIDC_CLIENT_SECRET", ""),
        ("OIDC_CLIENT_SECRET_FILE", &path),
    ]);
    assert_eq!(
        config.oidc.client_secret.unwrap().expose_secret(),
        " spaced \n"
    );
    let path = folder.file("keys", format!("{SECRET_KEY}\n"));
    good(&[
        ("BRIDGE_SECRET_KEYS", ""),
        ("BRIDGE_SECRET_KEYS_FILE", &path),
    ]);
    let path = folder.file("database", "postgres://db.example/bridge\n");
    good(&[("DATABASE_URL", ""), ("DATABASE_URL_FILE", &path)]);
}

#[test]
fn sc_1_a_secret_set_twice_or_not_to_be_read_is_a_problem() {
    let folder = Folder::new();
    let path = folder.file("secret", RED5_SECRET);
    for secret in [
        "DATABASE_URL",
        "BRIDGE_SECRET_KEYS",
        "OIDC_CLIENT_SECRET",
        "RED5_JWT_SECRET",
    ] {
        let file = format!("{secret}_FILE");
        assert_eq!(wrong(&[(&file, &path)]), [secret], "both are set");
        let missing = folder
            .path()
            .join("missing")
            .into_os_string()
            .into_string()
            .unwrap();
        assert_eq!(wrong(&[(secret, ""), (&file, &missing)]), [file.as_str()]);
        let folder_itself = folder.path().to_str().unwrap();
        assert_eq!(
            wrong(&[(secret, ""), (&file, folder_itself)]),
            [file.as_str()]
        );
        let not_text = folder.file("binary", [0xff, 0xfe]);
        assert_eq!(wrong(&[(secret, ""), (&file, &not_text)]), [file.as_str()]);
    }
    // Two line ends: the second counts, and Red5 would count it too.
    let path = folder.file("secret", format!("{RED5_SECRET}\n\n"));
    assert_eq!(
        wrong(&[("RED5_JWT_SECRET", ""), ("RED5_JWT_SECRET_FILE", &path)]),
        ["RED5_JWT_SECRET"]
    );
    // An empty file is an empty value.
    let path = folder.file("secret", "\n");
    assert_eq!(
        wrong(&[("RED5_JWT_SECRET", ""), ("RED5_JWT_SECRET_FILE", &path)]),
        ["RED5_JWT_SECRET"]
    );
}

#[test]
fn sc_1_an_authoritys_file_holds_a_certificate() {
    let folder = Folder::new();
    for content in [
        "",
        "canary",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        let path = folder.file("ca.pem", content);
        assert_eq!(
            wrong(&[("OIDC_CA_FILE", &path)]),
            ["OIDC_CA_FILE"],
            "{content}"
        );
    }
    assert_eq!(
        wrong(&[("OIDC_CA_FILE", "/nowhere/ca.pem")]),
        ["OIDC_CA_FILE"]
    );
}

/// Name, value, and whether the line is only a comment.
fn example() -> Vec<(String, String, bool)> {
    let text = include_str!("../../../.env.example");
    let lines = text.lines().filter_map(|line| {
        let is_comment = line.starts_with('#');
        let line = line.trim_start_matches('#');
        let (name, value) = line.split_once('=')?;
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit());
        is_name.then(|| {
            // As the bridge reads the file: an unquoted value with a space is an error.
            let read = dotenvy::from_read_iter(line.as_bytes()).next();
            let (_, read) = read.expect(value).expect(value);
            (name.to_owned(), read, is_comment)
        })
    });
    lines.collect()
}

#[test]
fn sc_1_the_example_works_once_its_secrets_are_filled_in() {
    let set = example()
        .into_iter()
        .filter(|(_, _, is_comment)| !is_comment);
    let mut environment: Environment = set.map(|(name, value, _)| (name, value)).collect();
    let problems = read(&environment).unwrap_err();
    let named: Vec<_> = problems
        .iter()
        .map(|problem| problem.variable.as_str())
        .collect();
    assert_eq!(
        named,
        ["BRIDGE_SECRET_KEYS", "RED5_JWT_SECRET"],
        "no sample secret is ever good"
    );
    environment.insert("BRIDGE_SECRET_KEYS".to_owned(), SECRET_KEY.to_owned());
    environment.insert("RED5_JWT_SECRET".to_owned(), RED5_SECRET.to_owned());
    read(&environment).unwrap();
}

#[test]
fn sc_1_what_the_example_only_comments_on_is_the_default_or_works() {
    let without = format!("{:?}", read(&least()).unwrap());
    for (name, value, _) in example()
        .into_iter()
        .filter(|(name, _, is_comment)| *is_comment && name != "OIDC_CA_FILE")
    {
        let mut environment = least();
        environment.insert(name.clone(), value);
        let shown = format!("{:?}", read(&environment).unwrap());
        let examples = [
            "BRIDGE_ALLOWED_ORIGINS",
            "BRIDGE_OPS_LISTEN",
            "BRIDGE_TRUSTED_PROXIES",
            "RED5_SERVER_URL",
        ];
        let is_example = examples.contains(&name.as_str());
        assert!(is_example || shown == without, "{name} is not its default");
    }
}

#[test]
fn the_example_names_every_variable_that_is_read_and_no_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config");
    let mut read = BTreeSet::new();
    for file in std::fs::read_dir(source).unwrap() {
        let file = file.unwrap().path();
        if file.ends_with("names.rs") {
            continue;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let words = text.split('"').filter(|word| {
            let prefixes = ["DATABASE_", "BRIDGE_", "OIDC_", "RED5_", "LOG_", "RUST_"];
            prefixes.iter().any(|prefix| word.starts_with(prefix))
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
        });
        read.extend(words.map(str::to_owned));
    }
    let example: BTreeSet<String> = example().into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(read, example);
    // What `check` knows, so that it calls none of them unknown.
    let known = red5_bridge::config::VARIABLES.map(|(name, _)| name.to_owned());
    assert_eq!(BTreeSet::from(known), example);
}
