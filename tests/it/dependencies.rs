//! SC-8: what must not be in the build, whichever package brings it. `deny.toml` says the
//! same to `cargo deny`, which this needs neither to be there nor a network.

/// Names of all packages of the lock file.
fn locked() -> Vec<String> {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap();
    let names = lock.lines().filter_map(|line| {
        let name = line.strip_prefix("name = \"")?.strip_suffix('"')?;
        Some(name.to_owned())
    });
    names.collect()
}

#[test]
fn sc_8_there_is_one_tls_library_and_no_openssl() {
    let locked = locked();
    assert!(locked.iter().any(|name| name == "rustls"));
    for unwanted in [
        "openssl",
        "openssl-sys",
        "native-tls",
        "aws-lc-sys",
        "aws-lc-rs",
    ] {
        assert!(!locked.iter().any(|name| name == unwanted), "{unwanted}");
    }
}

#[test]
fn sc_8_each_package_comes_from_the_registry_and_each_ignored_advisory_has_its_reason() {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap();
    let sources: Vec<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .collect();
    assert!(!sources.is_empty());
    for source in sources {
        assert!(source.starts_with("\"registry+"), "{source}");
    }
    let deny = std::fs::read_to_string("deny.toml").unwrap();
    let ignored = deny.lines().filter(|line| line.contains("RUSTSEC-"));
    for line in ignored {
        assert!(line.contains("reason = \""), "{line}");
    }
}
