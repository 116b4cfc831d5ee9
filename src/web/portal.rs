//! `/` and the portal's form: the same exchange as an app's, for a person.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};

use super::extract::Caller;
use super::form::{Form, filled};
use super::lines;
use super::page::{self as html, Sent, Visitor};
use super::refusal;
use super::site::see_other;
use super::token::Red5Server;
use super::views::{
    Choices, Chosen, GrantWords, Issued, NoGrant, Outcome, Portal, Problem, Refused, Unnamed,
    Welcome, Who,
};
use super::wish::WishInput;
use crate::domain::entitlement::Refusal;
use crate::domain::grant::Scope;
use crate::domain::mapping::FieldError;
use crate::domain::names::{RoomName, STREAM_RULE};
use crate::flow::exchange::{self, Exchange, NoToken};

/// GET `/`
pub async fn show(
    visitor: Visitor,
    exchange: web::Data<Exchange>,
    server: web::Data<Red5Server>,
) -> Result<HttpResponse, Error> {
    visitor.check_not_blocked()?;
    let Some(caller) = visitor.caller() else {
        let page = Welcome {
            frame: visitor.frame(),
            return_to: visitor.site().path("/"),
        };
        return Ok(html::show(StatusCode::OK, &page));
    };
    let parts = Parts {
        exchange: &exchange,
        server: &server,
    };
    page(&visitor, caller, parts, Chosen::default(), None)
}

/// GET of the base path without its slash: 303 to `/` below it.
pub async fn from_bare_base(visitor: Visitor) -> HttpResponse {
    see_other(&visitor.site().to("/")).finish()
}

/// POST `/portal/token`
pub async fn get_token(
    visitor: Visitor,
    payload: web::Payload,
    exchange: web::Data<Exchange>,
    server: web::Data<Red5Server>,
) -> Result<HttpResponse, Error> {
    let sent = visitor.sent(payload).await?;
    let caller = visitor.signed_in()?;
    let (form, of_now) = match sent {
        Sent::Now(form) => (form, true),
        Sent::Earlier(form) => (form, false),
    };
    let chosen = Chosen {
        room: form.text("room"),
        stream: form.text("stream"),
        roles: form.all("roles").map(str::to_owned).collect(),
        transports: form.all("transports").map(str::to_owned).collect(),
        ttl_seconds: form.text("ttl_seconds"),
    };
    let parts = Parts {
        exchange: &exchange,
        server: &server,
    };
    if !of_now {
        let outcome = Outcome::Refused(Refused::SessionChanged);
        let mut shown = page(&visitor, caller, parts, chosen, Some(outcome))?;
        *shown.status_mut() = StatusCode::FORBIDDEN;
        return Ok(refusal::Refusal::new(Problem::SessionChanged.code()).mark(shown));
    }
    visitor.counted_token(caller)?;
    let outcome = ask(&form, &chosen, caller, parts);
    page(&visitor, caller, parts, chosen, Some(outcome))
}

fn ask(form: &Form, chosen: &Chosen, caller: &Caller, parts: Parts<'_>) -> Outcome {
    // What a form leaves empty was not named.
    let named = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    let room = filled(&chosen.room);
    let single = ["room", "stream", "ttl_seconds"].into_iter();
    let repeated: Vec<_> = single
        .filter(|field| form.one(field).is_err())
        .map(|field| FieldError::new(field, "must be sent once"))
        .collect();
    if !repeated.is_empty() {
        return invalid(repeated);
    }
    let Ok(ttl_seconds) = filled(&chosen.ttl_seconds).map(str::parse).transpose() else {
        let error = FieldError::new("ttl_seconds", "must be a whole number of seconds");
        return invalid(vec![error]);
    };
    let input = WishInput {
        roles: named(&chosen.roles),
        rooms: room.map(|room| vec![room.to_owned()]),
        transports: named(&chosen.transports),
        ttl_seconds,
    };
    let stream = filled(&chosen.stream).map(|name| {
        let error = || vec![FieldError::new("stream", STREAM_RULE)];
        RoomName::parse(name).ok_or_else(error)
    });
    let (wish, stream) = match (input.parse(), stream.transpose()) {
        (Ok(wish), Ok(stream)) => (wish, stream),
        (wish, stream) => {
            let errors = [wish.err(), stream.err()];
            return invalid(errors.into_iter().flatten().flatten().collect());
        }
    };
    match parts.exchange.exchange(caller.live(), &wish) {
        Ok(issued) => Outcome::Issued(Box::new(shown(issued, parts.server, stream.as_ref()))),
        Err(NoToken::Refused(Refusal::NotGranted { refused })) => {
            let held = parts.exchange.entitlement(caller.live());
            let grants = held.map(|held| held.grants()).unwrap_or_default();
            Outcome::Refused(Refused::not_granted(&refused, chosen, &grants))
        }
        Err(refusal) => Outcome::Refused(refused(refusal)),
    }
}

/// Shown in the page, which is none of an error: told here.
fn invalid(errors: Vec<FieldError>) -> Outcome {
    refusal::tell_reason("invalid_request", StatusCode::OK);
    Outcome::Refused(Refused::Invalid { errors })
}

/// All but a word that is not granted: that one also says what is.
fn refused(refusal: NoToken) -> Refused {
    match refusal {
        NoToken::Blocked => Refused::Blocked,
        NoToken::GroupsOverage => Refused::GroupsOverage,
        NoToken::Refused(Refusal::NoGrant | Refusal::NotGranted { .. }) => Refused::NoGrant,
        NoToken::NoUsername => Refused::NoUsername,
        NoToken::Refused(Refusal::RoomRequired { patterns }) => Refused::RoomRequired { patterns },
        NoToken::TooShort(short) => Refused::TtlTooShort {
            limited_by: short.limited_by,
        },
        NoToken::TooManyRooms { max_bytes } => Refused::TooManyRooms { max_bytes },
        NoToken::Stale(_) | NoToken::Unwarranted(_) | NoToken::Claims(_) | NoToken::Sign(_) => {
            Refused::Unavailable
        }
    }
}

fn shown(issued: exchange::Issued, server: &Red5Server, stream: Option<&RoomName>) -> Issued {
    Issued {
        lines: lines::of(&issued.token, &issued.scope, server.0.as_ref(), stream),
        expires_in: u64::try_from(issued.expires_in).unwrap_or_default(),
        expires_at: issued.lifetime.expires_at,
        limited_by: issued.lifetime.limited_by,
        allows: GrantWords::of_scope(&issued.scope),
        left_out: issued.left_out.iter().map(GrantWords::of).collect(),
        token: issued.token,
    }
}

/// What the portal is made of, besides its visitor.
#[derive(Clone, Copy)]
struct Parts<'a> {
    exchange: &'a Exchange,
    server: &'a Red5Server,
}

fn page(
    visitor: &Visitor,
    caller: &Caller,
    Parts { exchange, server }: Parts<'_>,
    chosen: Chosen,
    outcome: Option<Outcome>,
) -> Result<HttpResponse, Error> {
    let entitlement = exchange.entitlement(caller.live());
    let entitlement = entitlement.map_err(|_| visitor.stale())?;
    let who = Who::of(caller.identity());
    if entitlement.is_empty() && !visitor.is_admin() {
        // Signed in and nothing granted is a 403 that says so; a new sign-in
        // would change nothing and go on for ever.
        let page = NoGrant {
            frame: visitor.frame(),
            who,
        };
        let page = html::show(StatusCode::FORBIDDEN, &page);
        return Ok(refusal::Refusal::new("no_grant").mark(page));
    }
    let grants = entitlement.grants();
    let page = Portal {
        frame: visitor.frame(),
        who,
        grants: grants.iter().map(GrantWords::of).collect(),
        choices: Choices {
            unnamed: unnamed(&exchange.unnamed(caller.live())),
            lines: server.0.is_some(),
            ..Choices::of(&grants, u64::from(exchange.usual_seconds()))
        },
        shown_once: visitor.query()?.one("done") == Ok(Some("shown-once")),
        chosen,
        outcome,
    };
    Ok(html::show(StatusCode::OK, &page))
}

fn unnamed(outcome: &Result<Scope, NoToken>) -> Unnamed {
    match outcome {
        Ok(scope) => match scope.rooms.named() {
            None => Unnamed::AnyRoom,
            Some(rooms) => Unnamed::Rooms(rooms.len()),
        },
        Err(NoToken::TooManyRooms { .. }) => Unnamed::TooMany,
        Err(NoToken::Refused(Refusal::RoomRequired { .. })) => Unnamed::Patterns,
        Err(_) => Unnamed::Unknown,
    }
}
