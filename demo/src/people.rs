//! The people of the demo, each for one thing to see.

/// A person whom the demo provider signs in at a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// `preferred_username`; also the address of the link to click.
    pub username: &'static str,
    /// `sub`: unlike the user name, never shown to be typed.
    pub subject: &'static str,
    /// `name`
    pub name: &'static str,
    /// `groups`
    pub groups: &'static [&'static str],
    /// What signing in as this person shows, in one sentence.
    pub expect: &'static str,
}

/// The group whose members administer the demo's bridge.
pub const ADMIN_GROUP: &str = "streaming-admins";

/// All of them, in the order of the sign-in page.
pub const PEOPLE: [Person; 4] = [
    Person {
        username: "ada",
        subject: "b1f0c7de-ada0",
        name: "Ada Admin",
        groups: &[ADMIN_GROUP, "producers"],
        expect: "Edits the mappings, and publishes and watches in the studios.",
    },
    Person {
        username: "vic",
        subject: "5a2e90c4-51c0",
        name: "Vic Viewer",
        groups: &["viewers"],
        expect: "Watches in the lobby and in studio-1, and publishes nowhere.",
    },
    Person {
        username: "mia",
        subject: "c93d17aa-31a0",
        name: "Mia Mixed",
        groups: &["stage-crew", "backstage"],
        expect: "Publishes in stage and watches in green-room: no token lets her publish in green-room.",
    },
    Person {
        username: "noor",
        subject: "7e44b6f1-0000",
        name: "Noor Nogroup",
        groups: &["accounting"],
        expect: "Signs in, is granted nothing, and is told so with the groups that were seen.",
    },
];
