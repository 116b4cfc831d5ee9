//! `/` and the portal's form: the same exchange as an app's, for a person.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};

use super::answer::app;
use super::form::{Form, filled};
use super::guard::Caller;
use super::page::{self as html, Sent, Visitor};
use super::refusal;
use super::site::see_other;
use super::token::Red5Server;
use super::views::{
    Choices, Chosen, CopyLine, GrantWords, Issued, NoGrant, Outcome, Portal, Problem, Refused,
    Welcome, Who,
};
use super::wish::WishInput;
use crate::config::red5::ServerUrl;
use crate::domain::entitlement::Refusal;
use crate::domain::lifetime::SubjectEnd;
use crate::domain::mapping::FieldError;
use crate::domain::names::{Role, Transport};
use crate::flow::exchange::{self, Exchange, NoToken};

/// GET `/`
pub async fn show(visitor: Visitor, exchange: web::Data<Exchange>) -> Result<HttpResponse, Error> {
    visitor.check_not_blocked()?;
    let Some(caller) = visitor.caller() else {
        let page = Welcome {
            frame: visitor.frame(),
            return_to: visitor.site().path("/"),
        };
        return Ok(html::show(StatusCode::OK, &page));
    };
    page(&visitor, caller, &exchange, Chosen::default(), None)
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
        roles: form.all("roles").map(str::to_owned).collect(),
        transports: form.all("transports").map(str::to_owned).collect(),
        ttl_seconds: form.text("ttl_seconds"),
    };
    if !of_now {
        let outcome = Outcome::Refused(Refused::SessionChanged);
        let mut shown = page(&visitor, caller, &exchange, chosen, Some(outcome))?;
        *shown.status_mut() = StatusCode::FORBIDDEN;
        return Ok(refusal::Refusal::new(Problem::SessionChanged.code()).mark(shown));
    }
    visitor.counted_token(caller)?;
    let outcome = ask(&form, &chosen, caller, &exchange, &server);
    page(&visitor, caller, &exchange, chosen, Some(outcome))
}

fn ask(
    form: &Form,
    chosen: &Chosen,
    caller: &Caller,
    exchange: &Exchange,
    server: &Red5Server,
) -> Outcome {
    // What a form leaves empty was not named.
    let named = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    let room = filled(&chosen.room);
    let ttl_seconds = filled(&chosen.ttl_seconds).map(str::parse).transpose();
    let repeated = form.one("room").is_err() || form.one("ttl_seconds").is_err();
    let (Ok(ttl_seconds), false) = (ttl_seconds, repeated) else {
        let error = FieldError::new("ttl_seconds", "must be a whole number of seconds");
        return invalid(vec![error]);
    };
    let input = WishInput {
        roles: named(&chosen.roles),
        rooms: room.map(|room| vec![room.to_owned()]),
        transports: named(&chosen.transports),
        ttl_seconds,
    };
    let wish = match input.parse() {
        Ok(wish) => wish,
        Err(errors) => return invalid(errors),
    };
    let end = SubjectEnd::Session(caller.session().ends_at);
    match exchange.exchange(caller.identity(), end, &wish) {
        Ok(issued) => Outcome::Issued(Box::new(shown(issued, server))),
        Err(refusal) => Outcome::Refused(refused(refusal)),
    }
}

/// Shown in the page, which is none of an error: told here.
fn invalid(errors: Vec<FieldError>) -> Outcome {
    refusal::tell_reason("invalid_request", StatusCode::OK);
    Outcome::Refused(Refused::Invalid { errors })
}

fn refused(refusal: NoToken) -> Refused {
    match refusal {
        NoToken::Blocked => Refused::Blocked,
        NoToken::GroupsOverage => Refused::GroupsOverage,
        NoToken::Refused(Refusal::NoGrant) | NoToken::NoUsername => Refused::NoGrant,
        NoToken::Refused(Refusal::NotGranted { refused }) => Refused::NotGranted { refused },
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

fn shown(issued: exchange::Issued, server: &Red5Server) -> Issued {
    Issued {
        lines: lines(&issued, server),
        expires_in: u64::try_from(issued.expires_in).unwrap_or_default(),
        expires_at: issued.lifetime.expires_at,
        limited_by: issued.lifetime.limited_by,
        allows: GrantWords::of_scope(&issued.scope),
        left_out: issued.left_out.iter().map(GrantWords::of).collect(),
        token: issued.token,
    }
}

/// What to paste where (Red5: client authentication), for each protocol that
/// the token allows. The stream's name is the person's to choose, and so is the
/// room where the token has not exactly one.
fn lines(issued: &exchange::Issued, server: &Red5Server) -> Vec<CopyLine> {
    let Some(server) = &server.0 else {
        return Vec::new();
    };
    let scope = &issued.scope;
    let one_room = app(server, scope);
    let (app, names) = if one_room == server.app {
        (
            format!("{one_room}/ROOM"),
            "put the names of room and stream for ROOM and STREAM",
        )
    } else {
        (one_room, "put the stream's name for STREAM")
    };
    let may = |role, transport| {
        let listed = scope.transports.named();
        scope.roles.contains(&role) && listed.is_none_or(|listed| listed.contains(&transport))
    };
    let ServerUrl {
        protocol,
        host,
        port,
        ..
    } = server;
    let query = format!("username=jwt&password=jwt&token={}", issued.token);
    let line = |label: String, text: String| CopyLine { label, text };
    let mut lines = Vec::new();
    if may(Role::Publisher, Transport::Whip) {
        let text = format!("{protocol}://{host}:{port}/{app}/whip/endpoint/STREAM?{query}");
        lines.push(line(format!("WHIP, for OBS ({names})"), text));
    }
    if may(Role::Subscriber, Transport::Whep) {
        let text = format!("{protocol}://{host}:{port}/{app}/whep/endpoint/STREAM?{query}");
        lines.push(line(format!("WHEP ({names})"), text));
    }
    if Role::ALL.into_iter().any(|role| may(role, Transport::Rtmp)) {
        lines.push(line(
            "RTMP, server".to_owned(),
            format!("rtmp://{host}/{app}"),
        ));
        lines.push(line(
            format!("RTMP, stream key ({names})"),
            format!("STREAM?{query}"),
        ));
    }
    lines
}

fn page(
    visitor: &Visitor,
    caller: &Caller,
    exchange: &Exchange,
    chosen: Chosen,
    outcome: Option<Outcome>,
) -> Result<HttpResponse, Error> {
    let entitlement = exchange.entitlement(caller.identity());
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
        choices: Choices::of(&grants, u64::from(exchange.usual_seconds())),
        chosen,
        outcome,
    };
    Ok(html::show(StatusCode::OK, &page))
}
