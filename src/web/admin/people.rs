//! `/admin/people`, `/api/admin/people`, `/api/admin/groups`: people who have been seen, and the
//! groups that they are in.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::paging::{filter, list_answer, page_range};
use super::{blocks, sessions};
use crate::domain::list::PageRange;
use crate::domain::members::FieldError;
use crate::domain::names::GROUP_MAX;
use crate::domain::person::{PersonId, SeenPerson};
use crate::domain::time::utc;
use crate::flow::admin::Admin;
use crate::flow::people::{People, PeopleError};
use crate::flow::seen::PeopleSearch;
use crate::web::error::{Answer, Refusal};
use crate::web::extract::Page;
use crate::web::form::Form;
use crate::web::page::show;
use crate::web::query::Query;
use crate::web::views::{Paging, PeopleList, PersonPage, PersonRow};

/// What a list of people shows.
struct PeopleFilter {
    text: String,
    group: Option<String>,
    range: PageRange,
}

impl PeopleFilter {
    fn of(query: &mut Query) -> Self {
        let text = query.with(&["q"], text_of);
        let rule = format!("must be one group of at most {GROUP_MAX} bytes");
        let group = query.read("group", &rule, |group| {
            let is_valid = (1..=GROUP_MAX).contains(&group.len()) && !group.contains('\0');
            is_valid.then(|| group.to_owned())
        });
        let range = query.with(&["limit", "offset"], page_range);
        Self { text, group, range }
    }

    fn search(&self) -> PeopleSearch<'_> {
        PeopleSearch {
            text: some(&self.text),
            group: self.group.as_deref(),
        }
    }
}

fn text_of(query: &Form) -> Result<String, Vec<FieldError>> {
    filter(query, "q").map_err(|error| vec![error])
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// As each answer about people has one.
pub(super) fn as_json(person: &SeenPerson) -> Value {
    let identity = &person.identity;
    json!({
        "id": person.id.to_string(),
        "issuer": identity.issuer,
        "subject": identity.subject,
        "username": identity.username,
        "name": identity.name,
        "groups": identity.groups.to_vec(),
        "last_seen_at": utc(person.last_seen_at),
        "signed_in": person.signed_in,
        "blocked": person.blocked,
    })
}

fn person_id(text: &str) -> Result<PersonId, PeopleError> {
    PersonId::parse(text).ok_or(PeopleError::NotFound)
}

/// Refuses every parameter.
fn require_no_query(request: &HttpRequest) -> Result<(), Refusal> {
    let query = Query::of_program(Form::of_query(request)?);
    Ok(query.finish(Some(()))?)
}

/// GET `/api/admin/people?q=&group=&limit=&offset=`
pub async fn list(admin: Admin, request: HttpRequest, people: web::Data<People>) -> Answer {
    let mut query = Query::of_program(Form::of_query(&request)?);
    let search = PeopleFilter::of(&mut query);
    let search = query.finish(Some(search))?;
    let found = people.list(&admin, search.search(), search.range);
    let found = found.await?;
    Ok(list_answer(&found, as_json))
}

/// GET `/api/admin/people/{id}`
pub async fn get(
    admin: Admin,
    request: HttpRequest,
    id: web::Path<String>,
    people: web::Data<People>,
) -> Answer {
    require_no_query(&request)?;
    let found = people.get(&admin, &person_id(&id)?).await?;
    let mut answer = as_json(&found.person);
    let sessions: Vec<Value> = found.sessions.iter().map(sessions::as_json).collect();
    answer["sessions"] = json!(sessions);
    answer["entitlement"] = json!(found.entitlement.grants());
    let block = found.block.as_ref();
    answer["block"] = json!(block.map(|block| blocks::as_json(block, people.now())));
    Ok(HttpResponse::Ok().json(answer))
}

/// GET `/api/admin/groups?q=`
pub async fn groups(admin: Admin, request: HttpRequest, people: web::Data<People>) -> Answer {
    let mut query = Query::of_program(Form::of_query(&request)?);
    let text: String = query.with(&["q"], text_of);
    let text = query.finish(Some(text))?;
    let found = people.groups(&admin, some(&text)).await?;
    let items = found.iter().map(
        |found| json!({ "group": found.group, "people": found.people, "mappings": found.mappings }),
    );
    let items: Vec<Value> = items.collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items })))
}

/// GET `/admin/people?q=&group=&limit=&offset=`
pub async fn list_page(admin: Admin, page: Page, people: web::Data<People>) -> Answer {
    let mut query = Query::of_page(page.query()?);
    let search = PeopleFilter::of(&mut query);
    let search = query.finish(Some(search))?;
    let found = people.list(&admin, search.search(), search.range);
    let found = found.await?;
    let group = search.group.unwrap_or_default();
    let narrowed = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", &search.text)
        .append_pair("group", &group)
        .append_pair("limit", &search.range.limit.to_string())
        .finish();
    Ok(show(&PeopleList {
        paging: Paging {
            list: format!("{}/admin/people?{narrowed}", page.site().base()),
            shown: found.items.len(),
            total: found.total,
            range: search.range,
        },
        rows: found.items.into_iter().map(PersonRow::of).collect(),
        text: search.text,
        group,
        frame: page.frame(),
    }))
}

/// GET `/admin/people/{id}`
pub async fn person_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    people: web::Data<People>,
) -> Answer {
    let found = people.get(&admin, &person_id(&id)?).await?;
    let own = sessions::own_hash(&admin);
    Ok(show(&PersonPage::of(
        page.frame(),
        found,
        own,
        people.now(),
    )))
}
