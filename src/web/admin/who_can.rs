//! `/admin/who-can`, `/api/admin/who-can`: the people whom one single grant lets do something.

use actix_web::{HttpRequest, web};
use serde_json::json;

use super::paging::{list_answer, page_range};
use super::people::as_json;
use crate::domain::list::{ListPage, PageRange};
use crate::domain::names::{ROOM_RULE, Role, RoomName, Transport};
use crate::flow::admin::Admin;
use crate::flow::people::{People, PeopleError};
use crate::flow::seen::{Deed, Doer};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::Page;
use crate::web::form::Form;
use crate::web::page::show;
use crate::web::query::Query;
use crate::web::views::problem::INVALID_REQUEST;
use crate::web::views::{Paging, TypedDeed, WhoCanPage, WhoCanRow};

/// A question, and which page of its answer.
struct WhoCanQuestion {
    deed: Deed,
    seen: bool,
    range: PageRange,
}

impl WhoCanQuestion {
    /// None where `query` has an error.
    fn of(query: &mut Query) -> Option<Self> {
        let reason = "must be red5-publisher or red5-subscriber, exactly so";
        let role = query.required("role", reason, Role::parse);
        let wanted_room = query.required("room", ROOM_RULE, RoomName::parse);
        let reason = "must be RTMP, RTSP, WHIP or WHEP, or left out";
        let transport = query.read("transport", reason, Transport::parse);
        let seen = query.read("seen", "must be true or false", |seen| seen.parse().ok());
        let range = query.with(&["limit", "offset"], page_range);
        Some(Self {
            deed: Deed {
                role: role?,
                room: wanted_room?,
                transport,
            },
            seen: seen.unwrap_or_default(),
            range,
        })
    }

    async fn ask(&self, admin: &Admin, people: &People) -> Result<ListPage<Doer>, PeopleError> {
        people
            .who_can(admin, &self.deed, self.seen, self.range)
            .await
    }
}

/// GET `/api/admin/who-can?role=&room=&transport=&seen=&limit=&offset=`
pub async fn ask(admin: Admin, request: HttpRequest, people: web::Data<People>) -> Answer {
    let mut query = Query::of_program(Form::of_query(&request)?);
    let question = WhoCanQuestion::of(&mut query);
    let found = query.finish(question)?.ask(&admin, &people).await?;
    Ok(list_answer(&found, |(person, rows)| {
        let rows: Vec<i64> = rows.iter().map(|row| row.0).collect();
        json!({ "person": as_json(person), "rows": rows })
    }))
}

/// GET `/admin/who-can`, the form; with its fields also the answer.
pub async fn ask_page(admin: Admin, page: Page, people: web::Data<People>) -> Answer {
    let mut query = Query::of_page(page.query()?);
    let mut form = WhoCanPage {
        frame: page.frame(),
        typed: TypedDeed {
            role: query.text("role"),
            room: query.text("room"),
            transport: query.text("transport"),
            seen: query.text("seen") == "true",
        },
        errors: Vec::new(),
        answer: None,
    };
    if query.is_empty() {
        return Ok(show(&form));
    }
    let question = WhoCanQuestion::of(&mut query);
    let question = match query.finish(question) {
        Ok(question) => question,
        Err(errors) => {
            form.errors = errors;
            return Err(Refusal::new(INVALID_REQUEST).showing(&form));
        }
    };
    let found = question.ask(&admin, &people).await?;
    let paging = Paging {
        list: format!(
            "{}/admin/who-can?{}&limit={}",
            page.site().base(),
            form.typed.query(),
            question.range.limit
        ),
        shown: found.items.len(),
        total: found.total,
        range: question.range,
    };
    let rows = found.items.into_iter().map(WhoCanRow::of).collect();
    form.answer = Some((rows, paging));
    Ok(show(&form))
}
