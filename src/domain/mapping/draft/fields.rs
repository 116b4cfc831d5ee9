//! The rules of each field. A reason says what to do, not only what is wrong.

use chrono::{DateTime, Datelike, Utc};

use super::{MAX_TTL_SECONDS_MAX, NOTE_MAX, ROOMS_MAX, TTL_MIN_SECONDS, Window};
use crate::domain::mapping::group::{GLOB_STARS_MAX, GroupGlob, GroupMatch};
use crate::domain::mapping::input::{FieldError, MappingInput};
use crate::domain::mapping::template::RoomRule;
use crate::domain::names::{GROUP_MAX, GroupName, Role, Transport};
use crate::domain::set::{AnyOr, NonEmpty};

/// Most words of `roles` and of `transports`, duplicates counted: there are
/// two and four to choose from, and each wrong word costs an error.
pub(super) const WORDS_MAX: usize = 16;

type Errors = Vec<FieldError>;

pub(super) fn group(input: &MappingInput, errors: &mut Errors) -> Option<GroupMatch> {
    let group = input.group.as_deref().unwrap_or_default();
    let read = match input.group_match.as_str() {
        "everyone" if group.is_empty() => Ok(GroupMatch::Everyone),
        "everyone" => Err("a mapping for everyone has no group: leave it empty".to_owned()),
        "exact" | "glob" if group.is_empty() => {
            Err("write the group as the identity provider sends it".to_owned())
        }
        "exact" => GroupName::parse(group)
            .map(GroupMatch::Exact)
            .ok_or_else(|| {
                format!("a group is at most {GROUP_MAX} bytes, without control characters")
            }),
        "glob" => GroupGlob::parse(group)
            .map(GroupMatch::Glob)
            .ok_or_else(|| {
                format!(
                    "a glob has 1 to {GLOB_STARS_MAX} stars and at most {GROUP_MAX} bytes, without \
                 control characters; without a star choose exact"
                )
            }),
        _ => {
            errors.push(FieldError::new("match", "choose exact, glob or everyone"));
            return None;
        }
    };
    read.map_err(|reason| errors.push(FieldError::new("group", reason)))
        .ok()
}

/// How many captures a room may use. Where a glob is wrong, or it is not known
/// whether there is one, nobody can say: then any number passes.
pub(super) fn captures(input: &MappingInput, group: Option<&GroupMatch>) -> usize {
    match (group, input.group_match.as_str()) {
        (Some(group), _) => group.captures(),
        (None, "exact" | "everyone") => 0,
        (None, _) => GLOB_STARS_MAX,
    }
}

pub(super) fn roles(words: &[String], errors: &mut Errors) -> Option<NonEmpty<Role>> {
    let list = List {
        field: "roles",
        words,
        most: WORDS_MAX,
        empty: "choose at least one role",
    };
    list.members(errors, |word| {
        Role::parse(word).ok_or_else(|| {
            "a role is red5-publisher or red5-subscriber, written exactly so".to_owned()
        })
    })
}

pub(super) fn transports(words: &[String], errors: &mut Errors) -> Option<AnyOr<Transport>> {
    let list = List {
        field: "transports",
        words,
        most: WORDS_MAX,
        empty: "choose at least one transport, or * for any",
    };
    list.members_or_any(errors, |word| {
        Transport::parse(word).ok_or_else(|| {
            "a transport is RTMP, RTSP, WHIP or WHEP; for any write * alone".to_owned()
        })
    })
}

pub(super) fn rooms(
    words: &[String],
    captures: usize,
    errors: &mut Errors,
) -> Option<AnyOr<RoomRule>> {
    let list = List {
        field: "rooms",
        words,
        most: ROOMS_MAX,
        empty: "write at least one room, or * for any",
    };
    list.members_or_any(errors, |word| RoomRule::parse(word, captures))
}

/// A field that holds words.
struct List<'a> {
    field: &'static str,
    words: &'a [String],
    most: usize,
    empty: &'static str,
}

impl List<'_> {
    /// All words, or none when one of them is wrong: what is checked between
    /// lists must not be blamed on a word that was meant otherwise.
    fn members<T: Ord>(
        &self,
        errors: &mut Errors,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<NonEmpty<T>> {
        let Self { field, most, .. } = self;
        if self.words.is_empty() {
            // An empty list is never "any": Red5 would read it so.
            errors.push(FieldError::new(*field, self.empty));
        }
        if self.words.len() > *most {
            errors.push(FieldError::new(*field, format!("at most {most} entries")));
            return None;
        }
        let mut members = Vec::new();
        for (i, word) in self.words.iter().enumerate() {
            match read(word) {
                Ok(member) => members.push(member),
                Err(reason) => errors.push(FieldError::new(format!("{field}[{i}]"), reason)),
            }
        }
        if members.len() < self.words.len() {
            return None;
        }
        NonEmpty::new(members)
    }

    fn members_or_any<T: Ord>(
        &self,
        errors: &mut Errors,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<AnyOr<T>> {
        if !self.words.is_empty() && self.words.iter().all(|word| word == "*") {
            return Some(AnyOr::Any);
        }
        let beside =
            || Err("* means any and stands alone: remove it, or remove the others".to_owned());
        self.members(
            errors,
            |word| if word == "*" { beside() } else { read(word) },
        )
        .map(AnyOr::Only)
    }
}

/// (publisher, WHEP) and (subscriber, WHIP) can do nothing: whoever writes
/// them expects something that Red5 will not give.
pub(super) fn each_can_serve(
    roles: &NonEmpty<Role>,
    transports: &AnyOr<Transport>,
    errors: &mut Errors,
) {
    const WHY: &str = "WHIP only publishes, WHEP only subscribes";
    let AnyOr::Only(transports) = transports else {
        return;
    };
    for role in roles {
        if !transports
            .iter()
            .any(|transport| transport.can_serve(*role))
        {
            let reason = format!(
                "{role} can do nothing over these transports ({WHY}): add a transport or remove the role"
            );
            errors.push(FieldError::new("roles", reason));
        }
    }
    for transport in transports {
        if !roles.iter().any(|role| transport.can_serve(*role)) {
            let reason = format!(
                "{transport} serves none of these roles ({WHY}): add a role or remove the transport"
            );
            errors.push(FieldError::new("transports", reason));
        }
    }
}

pub(super) fn max_ttl(seconds: Option<i64>, errors: &mut Errors) -> Option<u32> {
    let fits = |seconds: &u32| (TTL_MIN_SECONDS..=MAX_TTL_SECONDS_MAX).contains(seconds);
    let read = u32::try_from(seconds?).ok().filter(fits);
    if read.is_none() {
        let reason = format!(
            "a whole number of seconds from {TTL_MIN_SECONDS} to {MAX_TTL_SECONDS_MAX}, or nothing"
        );
        errors.push(FieldError::new("max_ttl_seconds", reason));
    }
    read
}

pub(super) fn window(input: &MappingInput, errors: &mut Errors) -> Window {
    let window = Window {
        from: input.valid_from,
        until: input.valid_until,
    };
    let odd = |field| {
        let reason = "a time from 1970 to 9999, with at most six digits behind the second";
        FieldError::new(field, reason)
    };
    if !window.from.is_none_or(is_storable) {
        errors.push(odd("valid_from"));
    }
    if !window.until.is_none_or(is_storable) {
        errors.push(odd("valid_until"));
    } else if let (Some(from), Some(until)) = (window.from, window.until)
        && from >= until
    {
        let reason = "must be later than valid_from";
        errors.push(FieldError::new("valid_until", reason));
    }
    window
}

/// Postgres keeps microseconds and has no leap second; RFC 3339 has four
/// digits for a year. What is read back must be what was written.
fn is_storable(time: DateTime<Utc>) -> bool {
    let nanoseconds = time.timestamp_subsec_nanos();
    (1970..=9999).contains(&time.year())
        && nanoseconds.is_multiple_of(1000)
        && nanoseconds < 1_000_000_000
}

/// Line breaks become LF: a form sends CR LF, and a note that nobody touched
/// must not look changed.
pub(super) fn note(mut note: String, errors: &mut Errors) -> String {
    if note.contains('\r') {
        note = note.replace("\r\n", "\n").replace('\r', "\n");
    }
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if note.chars().count() > NOTE_MAX || note.chars().any(control) {
        let reason =
            format!("at most {NOTE_MAX} characters; line breaks, but no other control characters");
        errors.push(FieldError::new("note", reason));
    }
    note
}
