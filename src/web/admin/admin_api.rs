//! What the administration's endpoints share: who may call, how a page of a list is
//! named, how a refusal is answered.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::mapping::FieldError;
use crate::flow::admin::AdminGroups;
use crate::flow::sessions::Sessions;
use crate::web::body::ADMIN_BODY_MAX;
use crate::web::csrf;
use crate::web::error::ApiError;
use crate::web::extract::{self, Admin};
use crate::web::form::Form;
use crate::web::rate_limit::{RateLimits, Rule};
use crate::web::site::Site;
use crate::web::token::{barred_error, require_empty_body};

const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// What every handler needs that is for administrators alone; `desk` is what it
/// works on.
pub struct Call<Desk: 'static> {
    pub(in crate::web) request: HttpRequest,
    pub(in crate::web) site: web::Data<Site>,
    sessions: web::Data<Sessions>,
    admins: web::Data<AdminGroups>,
    limits: web::Data<RateLimits>,
    pub(in crate::web) desk: web::Data<Desk>,
}

impl<Desk: 'static> actix_web::FromRequest for Call<Desk> {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut actix_web::dev::Payload) -> Self::Future {
        fn data<T: 'static>(
            request: &HttpRequest,
            payload: &mut actix_web::dev::Payload,
        ) -> Result<web::Data<T>, actix_web::Error> {
            web::Data::<T>::from_request(request, payload).into_inner()
        }
        let call = (|| {
            Ok(Self {
                site: data(request, payload)?,
                sessions: data(request, payload)?,
                admins: data(request, payload)?,
                limits: data(request, payload)?,
                desk: data(request, payload)?,
                request: request.clone(),
            })
        })();
        std::future::ready(call)
    }
}

impl<Desk> Call<Desk> {
    /// Demands an administrator.
    pub(in crate::web) async fn admin(&self) -> Result<Admin, ApiError> {
        extract::admin(&self.request, &self.site, &self.sessions, &self.admins)
            .await
            .map_err(|barred| barred_error(barred, &self.request, &self.site))
    }

    /// For whatever changes something: the origin is judged first.
    pub(in crate::web) async fn admin_from_here(&self) -> Result<Admin, ApiError> {
        csrf::check_api(&self.request, &self.site, false)?;
        let admin = self.admin().await?;
        self.limits.check_client(Rule::Change, &self.request)?;
        Ok(admin)
    }

    /// Demands a body that says nothing.
    pub(in crate::web) async fn require_empty_body(
        &self,
        payload: web::Payload,
    ) -> Result<(), ApiError> {
        require_empty_body(&self.request, payload, ADMIN_BODY_MAX).await
    }
}

/// The answer, or the refusal.
pub(in crate::web) async fn respond(
    answer: impl Future<Output = Result<HttpResponse, ApiError>>,
) -> HttpResponse {
    answer.await.unwrap_or_else(|error| error.response())
}

/// `limit` and `offset` of a query.
pub(in crate::web) fn page_of(query: &Form) -> Result<(i64, i64), Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut number = |name: &str, default: i64, least: i64, most: i64| {
        let value = match query.one(name) {
            Ok(None) => return default,
            Ok(Some(value)) => value.parse().ok(),
            Err(_) => None,
        };
        let good = value.filter(|value| (least..=most).contains(value));
        good.unwrap_or_else(|| {
            let reason = format!("must be one whole number from {least} to {most}");
            errors.push(FieldError::new(name, reason));
            default
        })
    };
    let limit = number("limit", LIMIT, 1, LIMIT_MAX);
    let offset = number("offset", 0, 0, i64::from(i32::MAX));
    if errors.is_empty() {
        Ok((limit, offset))
    } else {
        Err(errors)
    }
}
