//! `/api/admin/mappings`: the table for programs.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::api_error::ApiError;
use super::body::{self, ADMIN_BODY_MAX, Members, together};
use super::form::Form;
use super::guard::{self, Admin, AdminGroups};
use super::limits::{RateLimits, Rule};
use super::origin;
use super::site::Site;
use super::token::barred_error;
use crate::domain::mapping::{
    FieldError, Mapping, MappingDraft, MappingId, MappingInput, MappingRecord,
};
use crate::flow::mappings::MappingDesk;
use crate::flow::sessions::Sessions;

const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// Members of a mapping that may be sent back and are not read.
pub(super) const READ_ONLY: [&str; 6] = [
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
];

/// What every handler here needs.
pub struct Call {
    request: HttpRequest,
    site: web::Data<Site>,
    sessions: web::Data<Sessions>,
    admins: web::Data<AdminGroups>,
    limits: web::Data<RateLimits>,
    desk: web::Data<MappingDesk>,
}

impl actix_web::FromRequest for Call {
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

impl Call {
    async fn admin(&self) -> Result<Admin, ApiError> {
        guard::admin(&self.request, &self.site, &self.sessions, &self.admins)
            .await
            .map_err(|barred| barred_error(barred, &self.site))
    }

    /// For whatever changes something: the origin is judged first.
    async fn admin_from_here(&self) -> Result<Admin, ApiError> {
        origin::check_api(&self.request, &self.site, false)?;
        let admin = self.admin().await?;
        self.limits.check_client(Rule::Change, &self.request)?;
        Ok(admin)
    }
}

fn answer(mapping: &Mapping, mut response: actix_web::HttpResponseBuilder) -> HttpResponse {
    response
        .insert_header((header::ETAG, etag(mapping)))
        .json(MappingRecord::from(mapping))
}

/// GET `/api/admin/mappings?limit=&offset=`
pub async fn list(call: Call) -> HttpResponse {
    respond(async {
        call.admin().await?;
        let query = Form::of_query(&call.request)?;
        let (limit, offset) = page_of(&query).map_err(ApiError::Invalid)?;
        let page = call.desk.list(limit, offset).await?;
        let items: Vec<MappingRecord> = page.items.iter().map(MappingRecord::from).collect();
        Ok(HttpResponse::Ok().json(json!({
            "items": items,
            "total": page.total,
            "mapping_version": page.mapping_version,
        })))
    })
    .await
}

/// GET `/api/admin/mappings/{id}`
pub async fn get(call: Call, id: web::Path<String>) -> HttpResponse {
    respond(async {
        call.admin().await?;
        let mapping = call.desk.get(parse_id(&id)?).await?;
        Ok(answer(&mapping, HttpResponse::Ok()))
    })
    .await
}

/// POST `/api/admin/mappings`
pub async fn create(call: Call, payload: web::Payload) -> HttpResponse {
    respond(async {
        let admin = call.admin_from_here().await?;
        let draft = draft(&call.request, payload, &[]).await?;
        let written = call
            .desk
            .create(&draft, &admin.actor(&call.request))
            .await?;
        let location = call.site.to(&format!("/api/admin/mappings/{}", written.id));
        let mut created = HttpResponse::Created();
        created.insert_header((header::LOCATION, location));
        Ok(answer(&written, created))
    })
    .await
}

/// PUT `/api/admin/mappings/{id}`
pub async fn replace(call: Call, id: web::Path<String>, payload: web::Payload) -> HttpResponse {
    respond(async {
        let admin = call.admin_from_here().await?;
        let draft = draft(&call.request, payload, &READ_ONLY).await?;
        let (id, version) = (parse_id(&id)?, if_match(&call.request)?);
        let actor = admin.actor(&call.request);
        let written = call.desk.replace(id, version, &draft, &actor).await?;
        Ok(answer(&written, HttpResponse::Ok()))
    })
    .await
}

/// DELETE `/api/admin/mappings/{id}`
pub async fn delete(call: Call, id: web::Path<String>, payload: web::Payload) -> HttpResponse {
    respond(async {
        let admin = call.admin_from_here().await?;
        let members = Members::new(body::json(&call.request, payload, ADMIN_BODY_MAX).await?);
        together(members.finish(), Ok(())).map_err(ApiError::Invalid)?;
        let (id, version) = (parse_id(&id)?, if_match(&call.request)?);
        call.desk
            .delete(id, version, &admin.actor(&call.request))
            .await?;
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

async fn respond(answer: impl Future<Output = Result<HttpResponse, ApiError>>) -> HttpResponse {
    answer.await.unwrap_or_else(|error| error.response())
}

async fn draft(
    request: &HttpRequest,
    payload: web::Payload,
    ignored: &[&str],
) -> Result<MappingDraft, ApiError> {
    let members = body::json(request, payload, ADMIN_BODY_MAX).await?;
    read(members, ignored).map_err(ApiError::Invalid)
}

/// The members of a body, judged; every wrong field is named at once.
pub(super) fn read(
    members: Map<String, Value>,
    ignored: &[&str],
) -> Result<MappingDraft, Vec<FieldError>> {
    let mut members = Members::new(members);
    members.ignore(ignored);
    members.refuse_null("note");
    let input = MappingInput {
        group: members.text("group"),
        group_match: members.text("match").unwrap_or_default(),
        roles: members.words("roles").unwrap_or_default(),
        transports: members.words("transports").unwrap_or_default(),
        rooms: members.words("rooms").unwrap_or_default(),
        max_ttl_seconds: members.number("max_ttl_seconds"),
        valid_from: members.moment("valid_from"),
        valid_until: members.moment("valid_until"),
        enabled: members.flag("enabled").unwrap_or(true),
        note: members.text("note").unwrap_or_default(),
    };
    let errors = members.finish();
    // A field that was no list of strings is also an empty one: say it once.
    let field = |error: &FieldError| error.field.split('[').next().map(str::to_owned);
    let said: Vec<String> = errors.iter().filter_map(field).collect();
    let judged = MappingDraft::parse(input).map_err(|mut more| {
        more.retain(|error| !said.contains(&error.field));
        more
    });
    together(errors, judged)
}

/// `limit` and `offset` of a query.
pub(super) fn page_of(query: &Form) -> Result<(i64, i64), Vec<FieldError>> {
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

/// Anything that is no number of a row is the number of none (AD-8).
pub(super) fn parse_id(text: &str) -> Result<MappingId, ApiError> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| plain);
    id.map(MappingId).ok_or(ApiError::NotFound)
}

fn etag(mapping: &Mapping) -> String {
    format!("\"{}\"", mapping.version)
}

/// The version of `If-Match`; `*` would overwrite whatever is there.
fn if_match(request: &HttpRequest) -> Result<i64, ApiError> {
    let mut values = request.headers().get_all(header::IF_MATCH);
    let value = values.next().and_then(|value| value.to_str().ok());
    let (Some(value), None) = (value, values.next()) else {
        return Err(ApiError::PreconditionRequired);
    };
    if value.trim() == "*" {
        return Err(ApiError::PreconditionRequired);
    }
    let version = value
        .trim()
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .and_then(|text| {
            // "+3" and "03" are other tags than "3" (RFC 9110 §8.8.3.2).
            let version: i64 = text.parse().ok()?;
            (version.to_string() == text).then_some(version)
        });
    version.ok_or_else(|| {
        let reason = "must be one ETag as it was read, such as \"3\"";
        ApiError::Invalid(vec![FieldError::new("If-Match", reason)])
    })
}
