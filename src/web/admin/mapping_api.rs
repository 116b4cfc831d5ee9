//! `/api/admin/mappings`: the table for programs.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::paging::page_of;
use crate::domain::mapping::{
    FieldError, Mapping, MappingDraft, MappingId, MappingInput, MappingRecord,
};
use crate::flow::admin::Admin;
use crate::flow::mappings::MappingDesk;
use crate::web::body::{Members, together};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{ProtectedEmpty, ProtectedJson};
use crate::web::form::Form;
use crate::web::site::Site;
use crate::web::views::problem::{NOT_FOUND, PRECONDITION_REQUIRED};

/// Members of a mapping that may be sent back and are not read. Of two editors the
/// second would be told of a wrong `updated_at` instead of the first's edit.
pub(in crate::web) const READ_ONLY: [&str; 3] = ["updated_at", "updated_by", "last_used_at"];

/// Members that may be sent back, and must then be those of the row.
pub(in crate::web) const COMPARED: [&str; 4] = ["id", "version", "created_at", "created_by"];

fn answer(mapping: &Mapping, mut response: actix_web::HttpResponseBuilder) -> HttpResponse {
    response
        .insert_header((header::ETAG, etag(mapping)))
        .json(MappingRecord::from(mapping))
}

/// GET `/api/admin/mappings?limit=&offset=`
pub async fn list(_: Admin, request: HttpRequest, desk: web::Data<MappingDesk>) -> Answer {
    let query = Form::of_query(&request)?;
    let (limit, offset) = page_of(&query).map_err(|errors| Refusal::invalid(&errors))?;
    let page = desk.list(limit, offset).await?;
    let items: Vec<MappingRecord> = page.items.iter().map(MappingRecord::from).collect();
    Ok(HttpResponse::Ok().json(json!({
        "items": items,
        "total": page.total,
        "mapping_version": page.mapping_version,
    })))
}

/// GET `/api/admin/mappings/{id}`
pub async fn get(_: Admin, id: web::Path<String>, desk: web::Data<MappingDesk>) -> Answer {
    let mapping = desk.get(parse_id(&id)?).await?;
    Ok(answer(&mapping, HttpResponse::Ok()))
}

/// POST `/api/admin/mappings`
pub async fn create(
    sent: ProtectedJson<Admin>,
    site: web::Data<Site>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let draft = read(sent.members, &[]).map_err(|errors| Refusal::invalid(&errors))?;
    let written = desk.create(&draft, sent.sender.actor()).await?;
    let location = site.to(&format!("/api/admin/mappings/{}", written.id));
    let mut created = HttpResponse::Created();
    created.insert_header((header::LOCATION, location));
    Ok(answer(&written, created))
}

/// PUT `/api/admin/mappings/{id}`
pub async fn replace(
    sent: ProtectedJson<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let mut members = sent.members;
    let sent_back = take_compared(&mut members);
    let draft = read(members, &READ_ONLY).map_err(|errors| Refusal::invalid(&errors))?;
    let (id, version) = (parse_id(&id)?, if_match(&request)?);
    if !sent_back.is_empty() {
        let current = desk.get(id).await?;
        compare(sent_back, &current, version).map_err(|errors| Refusal::invalid(&errors))?;
    }
    let written = desk
        .replace(id, version, &draft, sent.sender.actor())
        .await?;
    Ok(answer(&written, HttpResponse::Ok()))
}

/// DELETE `/api/admin/mappings/{id}`
pub async fn delete(
    sent: ProtectedEmpty<Admin>,
    request: HttpRequest,
    id: web::Path<String>,
    desk: web::Data<MappingDesk>,
) -> Answer {
    let (id, version) = (parse_id(&id)?, if_match(&request)?);
    desk.delete(id, version, sent.sender.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(in crate::web) fn take_compared(
    members: &mut Map<String, Value>,
) -> Vec<(&'static str, Value)> {
    let taken = COMPARED.map(|name| members.remove(name).map(|value| (name, value)));
    taken.into_iter().flatten().collect()
}

/// The version is compared with `If-Match`, not with the row: a row that was changed
/// meanwhile is a stale edit (412) and no wrong field.
fn compare(
    sent_back: Vec<(&'static str, Value)>,
    current: &Mapping,
    version: i64,
) -> Result<(), Vec<FieldError>> {
    let mut row = json!(MappingRecord::from(current));
    row["version"] = json!(version);
    let differing = sent_back
        .into_iter()
        .filter(|(name, value)| row[*name] != *value);
    let errors: Vec<_> = differing
        .map(|(name, _)| {
            FieldError::new(
                name,
                "is read-only: send it as it was read, or leave it out",
            )
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// The members of a body, judged; every wrong field is named at once.
pub(in crate::web) fn read(
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

/// Anything that is no number of a row is the number of none (AD-8).
pub(in crate::web) fn parse_id(text: &str) -> Result<MappingId, Refusal> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| plain);
    id.map(MappingId).ok_or_else(|| Refusal::new(NOT_FOUND))
}

fn etag(mapping: &Mapping) -> String {
    format!("\"{}\"", mapping.version)
}

/// The version of `If-Match`; `*` would overwrite whatever is there.
fn if_match(request: &HttpRequest) -> Result<i64, Refusal> {
    let mut values = request.headers().get_all(header::IF_MATCH);
    let value = values.next().and_then(|value| value.to_str().ok());
    let (Some(value), None) = (value, values.next()) else {
        return Err(Refusal::new(PRECONDITION_REQUIRED));
    };
    if value.trim() == "*" {
        return Err(Refusal::new(PRECONDITION_REQUIRED));
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
        Refusal::invalid(&[FieldError::new("If-Match", reason)])
    })
}
