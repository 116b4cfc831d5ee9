//! `/` and the portal's form: the same exchange as for apps, in the browser.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::copy_lines;
use super::error::{Answer, Refusal};
use super::extract::{Page, SentForm, Session, Submitted, Visitor};
use super::form::{Form, filled};
use super::page;
use super::site::Site;
use super::token::Red5Server;
use super::views::problem::{
    GROUPS_OVERAGE, INVALID_REQUEST, NO_GRANT, NOT_SIGNED_IN, SESSION_CHANGED,
};
use super::views::{
    Choices, Chosen, GrantWords, NoGrant, Outcome, Portal, Refused, ShownToken, Unnamed, Welcome,
    Who,
};
use crate::domain::entitlement::ToldTo;
use crate::domain::grant::Scope;
use crate::domain::members::{FieldError, Members, together};
use crate::domain::names::{RoomName, STREAM_RULE};
use crate::flow::exchange::{self, Exchange, NoToken, Wish};

/// GET `/`
pub async fn show(
    session: Result<Session, Refusal>,
    page: Page,
    exchange: web::Data<Exchange>,
    server: web::Data<Red5Server>,
) -> Answer {
    let session = match session {
        Ok(session) => session,
        Err(refusal) if refusal.is(&NOT_SIGNED_IN) => {
            let frame = page.frame();
            let return_to = frame.home();
            return Ok(page::show(&Welcome { frame, return_to }));
        }
        Err(refusal) => return Err(refusal),
    };
    let portal = Served {
        page: &page,
        session: &session,
        exchange: &exchange,
        server: &server,
    };
    Ok(page::show(&portal.page(Chosen::default(), None)?))
}

/// GET of the base path without a slash at its end: 303 to the path with it.
pub async fn from_bare_base(_: Visitor<Session>, site: web::Data<Site>) -> HttpResponse {
    site.see_other("/")
}

/// POST `/portal/token`
pub async fn get_token(
    SentForm { sender, sent }: SentForm<Session>,
    page: Page,
    exchange: web::Data<Exchange>,
    server: web::Data<Red5Server>,
) -> Answer {
    let (Submitted::Now(form) | Submitted::Earlier(form)) = &sent;
    let chosen = Chosen {
        room: form.text("room"),
        stream: form.text("stream"),
        roles: form.all("roles").map(str::to_owned).collect(),
        transports: form.all("transports").map(str::to_owned).collect(),
        ttl_seconds: form.text("ttl_seconds"),
    };
    let portal = Served {
        page: &page,
        session: &sender,
        exchange: &exchange,
        server: &server,
    };
    if matches!(sent, Submitted::Earlier(_)) {
        let sentence = "you signed in again since this page was opened, perhaps in another tab. What you chose is still here: look at who you are, and press the button again.";
        let refused = Refused::of(SESSION_CHANGED.code, sentence);
        let shown = portal.page(chosen, Some(Outcome::Refused(refused)))?;
        return Err(Refusal::new(SESSION_CHANGED).showing(&shown));
    }
    match read(form, &chosen) {
        Ok((wish, stream)) => {
            let outcome = portal.ask(&wish, &chosen, stream.as_ref());
            Ok(page::show(&portal.page(chosen, Some(outcome))?))
        }
        Err(errors) => {
            let outcome = Outcome::Refused(Refused::invalid(&errors));
            let shown = page::show(&portal.page(chosen, Some(outcome))?);
            Err(Refusal::new(INVALID_REQUEST).answered_by(shown))
        }
    }
}

/// The request in the form, and the stream's name for the lines to copy. Empty fields are not part
/// of the request.
fn read(form: &Form, chosen: &Chosen) -> Result<(Wish, Option<RoomName>), Vec<FieldError>> {
    let mut errors: Vec<_> = ["room", "stream", "ttl_seconds"]
        .into_iter()
        .filter(|field| form.one(field).is_err())
        .map(|field| FieldError::new(field, "must be sent once"))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let ttl_seconds = filled(&chosen.ttl_seconds).map(str::parse::<i64>);
    let Ok(ttl_seconds) = ttl_seconds.transpose() else {
        let reason = "must be a whole number of seconds";
        return Err(vec![FieldError::new("ttl_seconds", reason)]);
    };
    let rooms: Vec<&str> = filled(&chosen.room).into_iter().collect();
    let members = [
        ("roles", json!(chosen.roles)),
        ("rooms", json!(rooms)),
        ("transports", json!(chosen.transports)),
        ("ttl_seconds", json!(ttl_seconds)),
    ];
    let named = members.into_iter();
    let named = named.filter(|(_, value)| !value.is_null() && *value != json!([]));
    let members = named.map(|(name, value)| (name.to_owned(), value));
    let wish = Wish::parse(Members::new(members.collect()));
    let name = filled(&chosen.stream);
    let stream = name.and_then(RoomName::parse);
    if name.is_some() && stream.is_none() {
        errors.push(FieldError::new("stream", STREAM_RULE));
    }
    Ok((together(errors, wish)?, stream))
}

/// The data of the portal page.
#[derive(Clone, Copy)]
struct Served<'a> {
    page: &'a Page,
    session: &'a Session,
    exchange: &'a Exchange,
    server: &'a Red5Server,
}

impl Served<'_> {
    fn ask(self, wish: &Wish, chosen: &Chosen, stream: Option<&RoomName>) -> Outcome {
        let live = self.session.live();
        match self.exchange.exchange(live, wish) {
            Ok(issued) => Outcome::Issued(Box::new(shown(issued, self.server, stream))),
            Err(NoToken::NotGranted(not)) => {
                let held = self.exchange.entitlement(live);
                let grants = held.map(|held| held.grants()).unwrap_or_default();
                let because = not.why.said(ToldTo::ThePerson);
                Outcome::Refused(Refused {
                    because: Some(because),
                    ..Refused::not_granted(&not.refused, chosen, &grants)
                })
            }
            Err(error) => {
                let refusal = Refusal::from(error);
                Outcome::Refused(Refused::of(refusal.code(), refusal.detail()))
            }
        }
    }

    fn page(self, chosen: Chosen, outcome: Option<Outcome>) -> Result<Portal, Refusal> {
        let live = self.session.live();
        let entitlement = self.exchange.entitlement(live);
        let entitlement = entitlement.map_err(|_| Refusal::stale())?;
        let who = Who::of(&live.session.identity);
        let frame = self.page.frame();
        if entitlement.is_empty() && !frame.is_administrator() {
            // A signed-in user without grants gets a 403 that explains it. A redirect to the
            // sign-in would change nothing and would repeat for ever.
            let problem = if who.groups_overage {
                GROUPS_OVERAGE
            } else {
                NO_GRANT
            };
            return Err(Refusal::new(problem).showing(&NoGrant { frame, who }));
        }
        let grants = entitlement.grants();
        Ok(Portal {
            frame,
            who,
            grants: grants.iter().map(GrantWords::of).collect(),
            choices: Choices {
                unnamed: unnamed(&self.exchange.scope(live, &Wish::default())),
                lines: self.server.url.is_some(),
                ..Choices::of(&grants, u64::from(self.exchange.usual_seconds()))
            },
            shown_once: self.page.query()?.one("done") == Ok(Some("shown-once")),
            chosen,
            outcome,
        })
    }
}

fn shown(issued: exchange::Issued, server: &Red5Server, stream: Option<&RoomName>) -> ShownToken {
    ShownToken {
        lines: copy_lines::of(&issued.token, &issued.scope, server, stream),
        expires_in: u64::try_from(issued.expires_in).unwrap_or_default(),
        expires_at: issued.lifetime.expires_at,
        limited_by: issued.lifetime.limited_by,
        allows: GrantWords::of_scope(&issued.scope),
        left_out: issued.left_out.iter().map(GrantWords::of).collect(),
        token: issued.token,
    }
}

fn unnamed(outcome: &Result<Scope, NoToken>) -> Unnamed {
    match outcome {
        Ok(scope) => match scope.rooms.named() {
            None => Unnamed::AnyRoom,
            Some(rooms) => Unnamed::Rooms(rooms.len()),
        },
        Err(NoToken::TooManyRooms { .. }) => Unnamed::TooMany,
        Err(NoToken::RoomRequired { .. }) => Unnamed::Patterns,
        Err(_) => Unnamed::Unknown,
    }
}
