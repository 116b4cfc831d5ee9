//! Secrets from files, the certificate authority's file, and `.env.example`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use red5_bridge::config::env_file;
use secrecy::ExposeSecret;

use super::{Environment, good, least, read, with, wrong};
use crate::bridge::{RED5_SECRET, SECRET_KEY};
use crate::provider::tls;

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
    let path = folder.file("client", "a b'c$\n");
    let config = good(&[
        ("OIDC_CLIENT_SECRET", ""),
        ("OIDC_CLIENT_SECRET_FILE", &path),
    ]);
    assert_eq!(
        config.oidc.credentials.secret().unwrap().expose_secret(),
        "a b'c$"
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
        let too_long = vec![b'x'; 70_000];
        for content in [
            &b"\xff\xfe"[..],
            // A file that is meant to hold a secret and does not: never "no secret", which for
            // the client's means a public client.
            b"",
            b"\n",
            &too_long,
        ] {
            let path = folder.file("odd", content);
            assert_eq!(wrong(&[(secret, ""), (&file, &path)]), [file.as_str()]);
        }
    }
}

/// What is left of how a secret was copied, in a file or in the environment.
#[test]
fn sc_1_sc_2_what_was_copied_besides_a_secret_is_refused_by_name() {
    let folder = Folder::new();
    let secrets = [
        ("DATABASE_URL", "postgres://u:canary@db.example/bridge"),
        ("BRIDGE_SECRET_KEYS", SECRET_KEY),
        ("OIDC_CLIENT_SECRET", "client-canary"),
        ("RED5_JWT_SECRET", RED5_SECRET),
    ];
    for (secret, value) in secrets {
        let file = format!("{secret}_FILE");
        for (content, words) in [
            (format!("{value}\n\n"), "more than one line"),
            (format!("{value}\r\n\r\n"), "more than one line"),
            (format!("{value}\nmore\n"), "more than one line"),
            (format!("\n{value}"), "more than one line"),
            (format!("'{value}'\n"), "quotes around it"),
            (format!("\"{value}\"\n"), "quotes around it"),
            (format!("“{value}”"), "quotes around it"),
            (format!("{secret}={value}\n"), "a name and ="),
            (format!("export {secret}='{value}'"), "a name and ="),
            (format!("{file} = {value}"), "a name and ="),
            (format!("jwt.secret={value}"), "a name and ="),
            (format!(" {value}"), "white space"),
            (format!("{value} \n"), "white space"),
            (format!("{value}\u{200b}"), "invisible character"),
            (format!("{value}\u{a0}\n"), "invisible character"),
            (format!("a\tb{value}"), "invisible character"),
            (format!("a\0b{value}"), "invisible character"),
            (format!("a\u{ad}b{value}"), "invisible character"),
        ] {
            let path = folder.file("secret", &content);
            let in_file = read(&with(&[(secret, ""), (&file, &path)])).unwrap_err();
            // Line ends are no part of a variable that a shell sets from a file.
            let set = read(&with(&[(secret, content.as_str())])).unwrap_err();
            for (problems, variable) in [(in_file, file.as_str()), (set, secret)] {
                let is_one = matches!(&problems[..], [problem]
                    if problem.variable == variable && (problem.reason.contains(words)
                        || problem.reason.contains("more than one line")));
                assert!(is_one, "{content:?}: {problems:?}");
                assert!(!format!("{problems:?}").contains(value), "{problems:?}");
            }
        }
        let path = folder.file("secret", format!("\u{feff}{value}\n"));
        let problems = read(&with(&[(secret, ""), (&file, &path)])).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].variable, file);
        assert!(
            problems[0].reason.contains("byte order mark"),
            "{problems:?}"
        );
    }
}

/// One certificate that is dropped is an authority that is missing one day; a library that
/// cannot read one of them may drop all.
#[test]
fn sc_1_sc_4_each_certificate_of_an_authoritys_file_is_one_or_is_named() {
    let folder = Folder::new();
    let good_one = std::fs::read_to_string(tls::authority_file()).unwrap();
    let broken = good_one.replacen("MII", "MIJ", 1);
    let no_base64 = good_one.replacen("MII", "M!I", 1);
    let not_ended = good_one.replace("-----END CERTIFICATE-----\n", "");
    let key = "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n";
    for (content, words) in [
        (
            format!("{good_one}{broken}{good_one}"),
            "a certificate 2 that is broken, or none",
        ),
        (
            format!("{good_one}{no_base64}"),
            "a certificate 2 whose base64 is broken",
        ),
        (
            format!("{broken}{no_base64}"),
            "certificate 1 that is broken, or none, and has a certificate 2",
        ),
        (format!("{not_ended}{good_one}"), "no end of certificate 1"),
        (format!("{good_one}{not_ended}"), "no end of certificate 2"),
        (
            good_one.replace("-----BEGIN CERTIFICATE-----\n", ""),
            "an end without a beginning",
        ),
        (
            good_one.replacen("-----BEGIN", "----BEGIN", 1),
            "something else than a certificate in line 1",
        ),
        (
            format!("{good_one}{key}"),
            "something else than a certificate",
        ),
        (
            good_one.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
            "something else than a certificate",
        ),
        ("text".to_owned(), "no PEM certificate"),
    ] {
        let path = folder.file("ca.pem", &content);
        let database =
            format!("postgres://u:p@db.example/d?sslmode=verify-full&sslrootcert={path}");
        for changes in [("OIDC_CA_FILE", &path), ("DATABASE_URL", &database)] {
            let (variable, value) = changes;
            let problems = read(&with(&[(variable, value.as_str())])).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].variable, variable);
            assert!(
                problems[0].reason.contains(words),
                "{content}: {problems:?}"
            );
        }
    }
    for content in [
        good_one.clone(),
        format!(
            "\u{feff}Certificate:\r\n  Data:\r\n{}\n# next\n{good_one}",
            good_one.replace('\n', "\r\n")
        ),
    ] {
        let path = folder.file("ca.pem", &content);
        let config = good(&[("OIDC_CA_FILE", &path)]);
        assert_eq!(config.oidc.ca_pem.unwrap(), content.as_bytes());
        let database = format!("postgres://u:p@db.example/d?sslrootcert={path}");
        good(&[("DATABASE_URL", &database)]);
    }
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
            let read = env_file::parse(line.as_bytes()).expect(value).remove(0).1;
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
            "DATABASE_LISTEN_URL",
            "RED5_NODE_GROUP",
            "RED5_ROUND_TRIP_NETWORKS",
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
        if file.ends_with("variables.rs") {
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
    let files = ["DATABASE_URL", "DATABASE_LISTEN_URL", "BRIDGE_SECRET_KEYS"];
    let files = files
        .iter()
        .chain(&["OIDC_CLIENT_SECRET", "RED5_JWT_SECRET"]);
    let files = files.map(|secret| format!("{secret}_FILE"));
    let known: BTreeSet<String> = example.into_iter().chain(files).collect();
    assert_eq!(*red5_bridge::config::names_read(), known);
}
