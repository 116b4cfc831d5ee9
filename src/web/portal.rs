//! `/` and the portal's form: the same exchange as an app's, for a person.

use actix_web::{HttpResponse, web};

use super::copy_lines;
use super::error::{Answer, Refusal, mark};
use super::extract::{Sent, SentForm, Session, Visitor};
use super::form::{Form, filled};
use super::page::{self, Page};
use super::site::Site;
use super::token::Red5Server;
use super::token_request::TokenRequest;
use super::views::problem as problems;
use super::views::{
    Choices, Chosen, GrantWords, Issued, NoGrant, Outcome, Portal, Refused, Unnamed, Welcome, Who,
};
use crate::domain::entitlement::ScopeRefusal;
use crate::domain::grant::Scope;
use crate::domain::members::FieldError;
use crate::domain::names::{RoomName, STREAM_RULE};
use crate::flow::exchange::{self, Exchange, NoToken};

/// GET `/`
pub async fn show(
    session: Result<Session, Refusal>,
    page: Page,
    exchange: web::Data<Exchange>,
    server: web::Data<Red5Server>,
) -> Answer {
    let session = match session {
        Ok(session) => session,
        Err(refusal) if refusal.is(&problems::NOT_SIGNED_IN) => {
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
    portal.answer(Chosen::default(), None)
}

/// GET of the base path without its slash: 303 to `/` below it.
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
    let (form, of_now) = match &sent {
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
    let portal = Served {
        page: &page,
        session: &sender,
        exchange: &exchange,
        server: &server,
    };
    let outcome = if of_now {
        portal.ask(form, &chosen)
    } else {
        Outcome::Refused(Refused::SessionChanged)
    };
    portal.answer(chosen, Some(outcome))
}

/// What the portal is made of.
#[derive(Clone, Copy)]
struct Served<'a> {
    page: &'a Page,
    session: &'a Session,
    exchange: &'a Exchange,
    server: &'a Red5Server,
}

impl Served<'_> {
    fn ask(self, form: &Form, chosen: &Chosen) -> Outcome {
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
        let input = TokenRequest {
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
        match self.exchange.exchange(self.session.live(), &wish) {
            Ok(issued) => Outcome::Issued(Box::new(shown(issued, self.server, stream.as_ref()))),
            Err(NoToken::Refused(ScopeRefusal::NotGranted { refused })) => {
                let held = self.exchange.entitlement(self.session.live());
                let grants = held.map(|held| held.grants()).unwrap_or_default();
                Outcome::Refused(Refused::not_granted(&refused, chosen, &grants))
            }
            Err(refusal) => Outcome::Refused(refused(refusal)),
        }
    }

    fn answer(self, chosen: Chosen, outcome: Option<Outcome>) -> Answer {
        let live = self.session.live();
        let entitlement = self
            .exchange
            .entitlement(live)
            .map_err(|_| Refusal::stale())?;
        let who = Who::of(&live.session.identity);
        let frame = self.page.frame();
        if entitlement.is_empty() && !frame.is_administrator() {
            // Signed in and nothing granted is a 403 that says so; a new sign-in
            // would change nothing and go on for ever.
            let problem = if who.groups_overage {
                problems::GROUPS_OVERAGE
            } else {
                problems::NO_GRANT
            };
            return Ok(page::refuse(&problem, &NoGrant { frame, who }));
        }
        let grants = entitlement.grants();
        let portal = Portal {
            frame,
            who,
            grants: grants.iter().map(GrantWords::of).collect(),
            choices: Choices {
                unnamed: unnamed(&self.exchange.unnamed(live)),
                lines: self.server.0.is_some(),
                ..Choices::of(&grants, u64::from(self.exchange.usual_seconds()))
            },
            shown_once: self.page.query()?.one("done") == Ok(Some("shown-once")),
            chosen,
            outcome,
        };
        Ok(match &portal.outcome {
            Some(Outcome::Refused(Refused::SessionChanged)) => {
                page::refuse(&problems::SESSION_CHANGED, &portal)
            }
            Some(Outcome::Refused(Refused::Invalid { .. })) => {
                mark(page::show(&portal), problems::INVALID_REQUEST.code, false)
            }
            _ => page::show(&portal),
        })
    }
}

fn invalid(errors: Vec<FieldError>) -> Outcome {
    Outcome::Refused(Refused::Invalid { errors })
}

/// All but a word that is not granted: that one also says what is.
fn refused(refusal: NoToken) -> Refused {
    match refusal {
        NoToken::Blocked => Refused::Blocked,
        NoToken::GroupsOverage => Refused::GroupsOverage,
        NoToken::Refused(ScopeRefusal::NoGrant | ScopeRefusal::NotGranted { .. }) => {
            Refused::NoGrant
        }
        NoToken::NoUsername => Refused::NoUsername,
        NoToken::Refused(ScopeRefusal::RoomRequired { patterns }) => {
            Refused::RoomRequired { patterns }
        }
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
        lines: copy_lines::of(&issued.token, &issued.scope, server.0.as_ref(), stream),
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
        Err(NoToken::Refused(ScopeRefusal::RoomRequired { .. })) => Unnamed::Patterns,
        Err(_) => Unnamed::Unknown,
    }
}
