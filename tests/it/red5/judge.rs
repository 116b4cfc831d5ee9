//! Whether a running bridge signs exactly what a table says.

use serde_json::{Value, json};

use super::server::{Operation, Profile, Red5};
use super::table::{Person, Row, is_granted, is_possible};
use crate::bridge::{Answer, Browser, RED5_SECRET};

/// The four, and one that Red5 has beside them: only *any* covers it.
const TRANSPORTS: [&str; 5] = ["RTMP", "RTSP", "WHEP", "WHIP", "SRT"];

/// One person's questions under one table, and the judgement of every answer.
pub struct Judge<'a> {
    pub rows: &'a [Row],
    pub person: &'a Person,
    /// Those to try, granted or not.
    pub rooms: Vec<String>,
    /// Unix seconds.
    pub now: i64,
}

impl Judge<'_> {
    fn is_granted(&self, role: &str, transport: &str, room: &str) -> bool {
        let transport = Some(transport).filter(|it| !matches!(*it, "*" | "SRT"));
        let room = Some(room).filter(|it| *it != "*");
        is_granted(self.rows, self.person, role, transport, room)
    }

    fn context(&self, ask: &Value) -> String {
        format!("{:?} asks {ask} under {:?}", self.person, self.rows)
    }

    /// One role, one transport, one room, each alone: a token exactly when one
    /// single row says so.
    pub async fn triples(&self, browser: &Browser) {
        for role in ["red5-publisher", "red5-subscriber"] {
            for transport in ["RTMP", "RTSP", "WHEP", "WHIP", "*"] {
                for room in self.rooms.iter().map(String::as_str).chain(["*"]) {
                    let ask = json!({"roles": [role], "transports": [transport], "rooms": [room]});
                    let answer = browser.token(ask.clone()).await;
                    let granted =
                        is_possible(role, transport) && self.is_granted(role, transport, room);
                    let expected = if granted { 200 } else { 403 };
                    assert_eq!(
                        answer.status,
                        expected,
                        "{}: {}",
                        self.context(&ask),
                        answer.body
                    );
                    if granted {
                        self.token(&ask, &answer);
                    }
                }
            }
        }
    }

    /// Nothing named, and each room named alone: as wide as it can be, and no
    /// triple that no row gives.
    pub async fn open_questions(&self, browser: &Browser) {
        let anything = browser.token(json!({})).await;
        self.token(&json!({}), &anything);
        for room in &self.rooms {
            let ask = json!({"rooms": [room]});
            let answer = browser.token(ask.clone()).await;
            let granted = ["red5-publisher", "red5-subscriber"].iter().any(|role| {
                let mut transports = TRANSPORTS.iter().filter(|it| is_possible(role, it));
                transports.any(|transport| self.is_granted(role, transport, room))
            });
            assert_eq!(
                answer.status == 200,
                granted,
                "{}: {}",
                self.context(&ask),
                answer.body
            );
            self.token(&ask, &answer);
        }
    }

    /// A token, if there is one, goes through for exactly the triples that the
    /// answer names, each of them granted, whichever server it meets.
    fn token(&self, ask: &Value, answer: &Answer) {
        if answer.status != 200 {
            assert_eq!(answer.status, 403, "{}", answer.body);
            assert!(!answer.body.contains("eyJ"), "{}", answer.body);
            return;
        }
        let body = answer.json();
        for list in ["roles", "transports", "rooms"] {
            if let Some(named) = ask.get(list) {
                assert_eq!(&body[list], named, "{}", self.context(ask));
            }
        }
        let names = |list: &str, word: &str| {
            let members = body[list].as_array().unwrap();
            assert!(!members.is_empty());
            members.iter().any(|it| it == word || it == "*")
        };
        let token = body["access_token"].as_str().unwrap();
        let server = Red5 {
            secret: RED5_SECRET.as_bytes().to_vec(),
            ttl_minutes: 60,
            expected_issuer: None,
        };
        for profile in Profile::all() {
            let connection = server.connect(profile, token, self.now).unwrap();
            for (operation, role) in [
                (Operation::Publish, "red5-publisher"),
                (Operation::Subscribe, "red5-subscriber"),
            ] {
                for transport in TRANSPORTS {
                    for room in self.rooms.iter().map(String::as_str).chain(["*"]) {
                        let path = match room {
                            "*" => "live/stream".to_owned(),
                            room => format!("live/{room}/stream"),
                        };
                        let may = connection.may(operation, transport, &path);
                        let lower = transport.to_lowercase();
                        assert_eq!(may, connection.may(operation, &lower, &path));
                        let said = is_possible(role, transport)
                            && names("roles", role)
                            && names("transports", transport)
                            && names("rooms", room);
                        let where_ = || {
                            format!(
                                "{profile:?}: {operation:?} {transport} {path} with {body:#}; {}",
                                self.context(ask)
                            )
                        };
                        assert_eq!(may, said, "not what the answer says: {}", where_());
                        assert!(
                            !may || self.is_granted(role, transport, room),
                            "more than was granted: {}",
                            where_()
                        );
                    }
                }
            }
        }
    }
}
