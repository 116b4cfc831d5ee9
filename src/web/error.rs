//! Refusals of the JSON API: RFC 9457 problem details with a stable `code`.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::body::BodyError;
use super::csrf::Foreign;
use super::form::NoText;
use super::outage;
use super::rate_limit::TooMany;
use super::refusal::Refusal as Refused;
use crate::domain::entitlement::Refusal;
use crate::domain::mapping::{FieldError, Mapping, MappingRecord};
use crate::flow::exchange::NoToken;
use crate::flow::people::PeopleError;
use crate::flow::sessions::SessionError;
use crate::store::StoreError;
use crate::store::mappings::MappingError;

/// Why administrators cannot block themselves.
pub(super) const YOURSELF: &str = "is you: another administrator would have to let you in again";

/// One refusal.
#[derive(Debug)]
pub enum ApiError {
    /// 401, with where to sign in.
    NotSignedIn {
        /// Absolute.
        login_url: String,
    },
    /// 401: a script of another site, with which the browser sends no cookie.
    CrossSite {
        /// Absolute.
        login_url: String,
    },
    /// 403: the origin, or the header that scripts send.
    ForbiddenOrigin,
    /// 403
    NotAdmin,
    /// 403: an administrator does not let the person in.
    Blocked,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 400, by field.
    Invalid(Vec<FieldError>),
    /// 409
    Duplicate,
    /// 412, with the row as it is now.
    Stale(Box<Mapping>),
    /// 413
    TooLarge,
    /// 415
    MediaType,
    /// 428
    PreconditionRequired,
    /// 429
    RateLimited(TooMany),
    /// What the exchange says.
    NoToken(NoToken),
    /// 500; what happened is in the log.
    Internal,
    /// 503
    Unavailable,
    /// 503: the groups are too old, and the provider cannot be asked.
    Unconfirmed,
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::MediaType => Self::MediaType,
            BodyError::TooLarge => Self::TooLarge,
            BodyError::Unreadable => Self::Invalid(vec![FieldError::new(
                "",
                "the body must be one JSON object, in which no member stands twice",
            )]),
        }
    }
}

impl From<NoText> for ApiError {
    fn from(_: NoText) -> Self {
        Self::Invalid(vec![FieldError::new("", "the query must be UTF-8")])
    }
}

impl From<Foreign> for ApiError {
    fn from(_: Foreign) -> Self {
        Self::ForbiddenOrigin
    }
}

impl From<TooMany> for ApiError {
    fn from(error: TooMany) -> Self {
        Self::RateLimited(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if outage::is_passing(&error) {
            Self::Unavailable
        } else {
            Self::Internal
        }
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Stale => Self::stale(),
            SessionError::Blocked => Self::Blocked,
            SessionError::Unconfirmed => Self::Unconfirmed,
            SessionError::Store(error) => error.into(),
        }
    }
}

impl From<MappingError> for ApiError {
    fn from(error: MappingError) -> Self {
        match error {
            MappingError::NotFound => Self::NotFound,
            MappingError::Stale(current) => Self::Stale(current),
            MappingError::Duplicate => Self::Duplicate,
            MappingError::Store(error) => error.into(),
        }
    }
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::NotFound => Self::NotFound,
            PeopleError::Yourself => Self::Invalid(vec![FieldError::new("subject", YOURSELF)]),
            PeopleError::Store(error) => error.into(),
        }
    }
}

impl From<NoToken> for ApiError {
    fn from(refusal: NoToken) -> Self {
        Self::NoToken(refusal)
    }
}

impl ApiError {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSignedIn { .. } => "not_signed_in",
            Self::CrossSite { .. } => "cross_site",
            Self::ForbiddenOrigin => "forbidden_origin",
            Self::NotAdmin => "not_admin",
            Self::Blocked => "blocked",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Invalid(_) => "invalid_request",
            Self::Duplicate => "duplicate",
            Self::Stale(_) => "stale",
            Self::TooLarge => "too_large",
            Self::MediaType => "unsupported_media_type",
            Self::PreconditionRequired => "precondition_required",
            Self::RateLimited(_) => "rate_limited",
            Self::NoToken(refusal) => refusal.code(),
            Self::Internal => "internal",
            Self::Unavailable | Self::Unconfirmed => "unavailable",
        }
    }

    /// 503, because what is loaded may be old.
    pub fn stale() -> Self {
        outage::stale();
        Self::Unavailable
    }

    /// The exchange, the guard, the limits or the database told the log, with more than a word.
    fn refusal(&self) -> Refused {
        match self {
            Self::NoToken(_)
            | Self::NotAdmin
            | Self::Blocked
            | Self::RateLimited(_)
            | Self::Internal
            | Self::Unavailable => Refused::told(self.code()),
            _ => Refused::new(self.code()),
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::NotSignedIn { .. } | Self::CrossSite { .. } => StatusCode::UNAUTHORIZED,
            Self::ForbiddenOrigin | Self::NotAdmin | Self::Blocked => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Duplicate => StatusCode::CONFLICT,
            Self::Stale(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoToken(refusal) => match refusal {
                NoToken::TooManyRooms { .. } => StatusCode::BAD_REQUEST,
                NoToken::Stale(_) => StatusCode::SERVICE_UNAVAILABLE,
                NoToken::Unwarranted(_) | NoToken::Claims(_) | NoToken::Sign(_) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
                _ => StatusCode::FORBIDDEN,
            },
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn detail(&self) -> String {
        let text = match self {
            Self::NotSignedIn { .. } => "Sign in first; login_url leads there.",
            Self::CrossSite { .. } => {
                "The app is on another site than the bridge, so the browser sends no session cookie, and signing in does not change that. Serve both below one domain (app.example.com and bridge.example.com)."
            }
            Self::ForbiddenOrigin => {
                "Send X-Red5-Bridge: 1 from the bridge's own origin or, for /api/token and /api/logout alone, from one of BRIDGE_ALLOWED_ORIGINS."
            }
            Self::Blocked => BLOCKED,
            Self::NotAdmin => "Only members of BRIDGE_ADMIN_GROUPS administer.",
            Self::NotFound => "There is nothing at this address.",
            Self::MethodNotAllowed => "This address does not take this method.",
            Self::Invalid(_) => "Some fields are wrong; errors names each.",
            Self::Duplicate => {
                "Another mapping has the same group, match, roles, transports and rooms."
            }
            Self::Stale(_) => "The mapping was changed meanwhile; current is how it is now.",
            Self::TooLarge => "The body is larger than this address takes.",
            Self::MediaType => "Send Content-Type: application/json.",
            Self::PreconditionRequired => "Send If-Match with the ETag that you read.",
            Self::RateLimited(_) => "Too many requests; Retry-After says when to try again.",
            Self::NoToken(refusal) => return no_token_detail(refusal),
            Self::Internal => "Something went wrong here; it is in the log.",
            Self::Unconfirmed => {
                "Your groups are too old to go on with, and the provider cannot be asked for them. You stay signed in. Try again."
            }
            Self::Unavailable => {
                "The database cannot be reached, or what is loaded may be old. Try again."
            }
        };
        text.to_owned()
    }

    fn members(&self) -> Map<String, Value> {
        let members = match self {
            Self::NotSignedIn { login_url } | Self::CrossSite { login_url } => {
                json!({ "login_url": login_url })
            }
            Self::Invalid(errors) => {
                let errors: Vec<Value> = errors
                    .iter()
                    .map(|error| json!({ "field": error.field, "reason": error.reason }))
                    .collect();
                json!({ "errors": errors })
            }
            Self::Stale(current) => json!({ "current": MappingRecord::from(&**current) }),
            Self::NoToken(NoToken::Refused(Refusal::NotGranted { refused })) => {
                json!({ "refused": refused })
            }
            Self::NoToken(NoToken::Refused(Refusal::RoomRequired { patterns })) => {
                json!({ "patterns": patterns })
            }
            Self::NoToken(NoToken::TooShort(short)) => {
                json!({ "ttl_limited_by": short.limited_by.map(crate::domain::lifetime::LimitedBy::as_str) })
            }
            _ => json!({}),
        };
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    /// The answer.
    pub fn response(&self) -> HttpResponse {
        let mut body = self.members();
        let status = self.status();
        body.insert("type".to_owned(), json!("about:blank"));
        body.insert("title".to_owned(), json!(status.canonical_reason()));
        body.insert("status".to_owned(), json!(status.as_u16()));
        body.insert("code".to_owned(), json!(self.code()));
        body.insert("detail".to_owned(), json!(self.detail()));
        let mut response = HttpResponse::build(status);
        if let Self::RateLimited(TooMany { retry_after }) = self {
            response.insert_header((header::RETRY_AFTER, *retry_after));
        }
        let response = response
            .content_type("application/problem+json")
            .body(Value::Object(body).to_string());
        self.refusal().mark(response)
    }
}

const BLOCKED: &str =
    "An administrator has blocked your access. If that is a mistake, ask your administrator.";

fn no_token_detail(refusal: &NoToken) -> String {
    match refusal {
        NoToken::Blocked => BLOCKED.to_owned(),
        NoToken::Refused(Refusal::NoGrant) => {
            "No mapping grants anything to your groups. Ask your administrator.".to_owned()
        }
        NoToken::GroupsOverage => {
            "The provider did not send your groups because there are too many. \
             Have it send only the groups of this application."
                .to_owned()
        }
        NoToken::Unwarranted(_) | NoToken::Claims(_) | NoToken::Sign(_) => {
            "Something went wrong here; it is in the log.".to_owned()
        }
        NoToken::TooManyRooms { .. } => format!("{refusal}: name a room."),
        other => format!("{other}."),
    }
}
