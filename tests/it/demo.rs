//! The demo around a bridge: what it hands over, what it keeps, what it leaves.

use std::path::PathBuf;
use std::sync::Arc;

use red5_bridge::clock::SystemClock;
use red5_bridge::config::Config;
use red5_bridge_demo::folder::FolderError;
use red5_bridge_demo::people::PEOPLE;
use red5_bridge_demo::{DemoError, Options, run};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

/// An ignored folder of its own, with the programs of Postgres that the
/// project's own may have.
struct Local(PathBuf);

impl Local {
    fn new(name: &str) -> Self {
        let name = format!("red5-bridge-test-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        if let Ok(unpacked) = PathBuf::from(".local/debian").canonicalize() {
            std::os::unix::fs::symlink(unpacked, folder.join("debian")).unwrap();
        }
        Self(folder)
    }

    fn options(&self, fresh: bool) -> Options {
        Options {
            local: self.0.clone(),
            fresh,
            origins: None,
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What one run hands to the bridge.
struct Seen {
    url: String,
    issuer: String,
    origins: Vec<String>,
    red5_secret: Vec<u8>,
    mappings: i64,
}

/// Runs the demo with a bridge that looks around, deletes one mapping and ends.
async fn look(options: &Options) -> Seen {
    let mut seen = None;
    run(
        options,
        Arc::new(SystemClock),
        async |config: Config, welcome| {
            let url = config.database.url.expose_secret();
            let mut database = PgConnection::connect(url).await?;
            let mappings = sqlx::query_scalar("SELECT count(*) FROM mappings")
                .fetch_one(&mut database)
                .await?;
            sqlx::query("DELETE FROM mappings WHERE id = (SELECT min(id) FROM mappings)")
                .execute(&mut database)
                .await?;
            database.close().await?;
            assert!(
                welcome.contains(config.public_url.to("").as_str()),
                "{welcome}"
            );
            assert!(PEOPLE.iter().all(|person| welcome.contains(person.name)));
            assert!(
                welcome.contains(config.allowed_origins[0].as_str()),
                "{welcome}"
            );
            seen = Some(Seen {
                url: config.public_url.to("/"),
                issuer: config.oidc.issuer.clone(),
                origins: config
                    .allowed_origins
                    .iter()
                    .map(|origin| origin.as_str().to_owned())
                    .collect(),
                red5_secret: config.red5.secret.expose_secret().to_vec(),
                mappings,
            });
            Ok::<_, sqlx::Error>(())
        },
    )
    .await
    .unwrap();
    seen.unwrap()
}

#[tokio::test]
async fn it_starts_again_where_it_stopped_and_fresh_begins_anew() {
    let local = Local::new("again");
    let first = look(&local.options(false)).await;
    assert!(first.mappings > 3, "{}", first.mappings);

    let second = look(&local.options(false)).await;
    assert_eq!(
        second.mappings,
        first.mappings - 1,
        "nothing is written again"
    );
    assert_eq!(second.red5_secret, first.red5_secret);
    assert_eq!((second.url, second.issuer), (first.url, first.issuer));
    assert_eq!(second.origins, first.origins);

    let fresh = look(&local.options(true)).await;
    assert_eq!(fresh.mappings, first.mappings);
    assert_ne!(fresh.red5_secret, first.red5_secret);
}

#[tokio::test]
async fn apps_at_the_origins_that_are_named_may_call_the_bridge_beside_the_sample_app() {
    let local = Local::new("origins");
    let mut options = local.options(false);
    let alone = look(&options).await.origins;
    assert_eq!(alone.len(), 1);
    options.origins = Some("http://127.0.0.1:5173, https://app.example".to_owned());
    let origins = look(&options).await.origins;
    assert_eq!(
        origins,
        [&alone[0], "http://127.0.0.1:5173", "https://app.example"]
    );

    options.origins = Some("http://127.0.0.1:5173/".to_owned());
    let ended = run(&options, Arc::new(SystemClock), async |_, _| {
        Ok::<_, std::io::Error>(())
    })
    .await;
    let said = ended.unwrap_err().to_string();
    assert!(said.contains("BRIDGE_ALLOWED_ORIGINS: "), "{said}");
}

#[tokio::test]
async fn a_folder_that_a_demo_without_the_sample_app_left_is_taken_over() {
    let local = Local::new("earlier");
    let first = look(&local.options(false)).await;
    let file = local.0.join("demo/remembered.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut remembered: serde_json::Value = serde_json::from_str(&text).unwrap();
    let port = remembered
        .as_object_mut()
        .unwrap()
        .remove("sample_app_port");
    assert!(port.is_some());
    std::fs::write(&file, remembered.to_string()).unwrap();
    let second = look(&local.options(false)).await;
    assert_eq!((second.url, second.issuer), (first.url, first.issuer));
}

#[tokio::test]
async fn its_secrets_are_readable_by_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let local = Local::new("secrets");
    look(&local.options(false)).await;
    let file = local.0.join("demo/remembered.json").metadata().unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn two_at_once_in_one_folder_are_refused() {
    let local = Local::new("twice");
    let options = local.options(false);
    run(&options, Arc::new(SystemClock), async |_, _| {
        let second = run(&options, Arc::new(SystemClock), async |_, _| {
            Ok::<_, std::io::Error>(())
        })
        .await;
        assert!(matches!(second, Err(DemoError::Folder(FolderError::Taken))));
        Ok::<_, std::io::Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_bridge_that_fails_ends_the_demo_with_its_error() {
    let local = Local::new("fails");
    let ended = run(
        &local.options(false),
        Arc::new(SystemClock),
        async |_, _| Err(std::io::Error::other("no")),
    )
    .await;
    assert!(matches!(ended, Err(DemoError::Bridge(_))));
}
