//! `/admin/explain`, `/api/admin/explain`: why a person may or may not do something.

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::domain::explain::Explanation;
use crate::domain::members::FieldError;
use crate::flow::admin::Admin;
use crate::flow::explain::{Explain, ExplainError, Question};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedJson};
use crate::web::form::{Form, filled};
use crate::web::page::show;
use crate::web::views::problem::{INVALID_REQUEST, NOT_FOUND};
use crate::web::views::{ExplainPage, Explained, TypedQuestion, times};

/// POST `/api/admin/explain`
pub async fn ask(sent: ProtectedJson<Admin>, explain: web::Data<Explain>) -> Answer {
    let question = Question::parse(sent.members)?;
    let explanation = explain.answer(&sent.sender, &question).await?;
    Ok(HttpResponse::Ok().json(explanation))
}

/// GET `/admin/explain`: the form, and the answer to what its address asks.
pub async fn page(admin: Admin, page: Page, explain: web::Data<Explain>) -> Answer {
    let query = page.query()?;
    let typed = TypedQuestion {
        session: query.text("session"),
        person: query.text("person"),
        groups: query.text("groups"),
        username: query.text("username"),
        subject: query.text("subject"),
        role: query.text("role"),
        room: query.text("room"),
        transport: query.text("transport"),
        at: query.text("at"),
    };
    let mut shown = ExplainPage {
        frame: page.frame(),
        typed,
        errors: Vec::new(),
        not_found: false,
        explained: None,
    };
    if query == Form::default() {
        return Ok(show(&shown));
    }
    match answer(&admin, &explain, &shown.typed).await {
        Ok(explanation) => {
            shown.explained = Some(Explained::of(&explanation));
            Ok(show(&shown))
        }
        Err(Unanswered::Invalid(errors)) => {
            shown.errors = errors;
            Err(Refusal::new(INVALID_REQUEST).showing(&shown))
        }
        Err(Unanswered::Error(ExplainError::NotFound)) => {
            shown.not_found = true;
            Err(Refusal::new(NOT_FOUND).showing(&shown))
        }
        Err(Unanswered::Error(error)) => Err(error.into()),
    }
}

enum Unanswered {
    Invalid(Vec<FieldError>),
    Error(ExplainError),
}

async fn answer(
    admin: &Admin,
    explain: &Explain,
    typed: &TypedQuestion,
) -> Result<Explanation, Unanswered> {
    let question = Question::parse(members_of(typed)).map_err(Unanswered::Invalid)?;
    match explain.answer(admin, &question).await {
        Ok(explanation) => Ok(explanation),
        Err(ExplainError::Invalid(error)) => Err(Unanswered::Invalid(vec![error])),
        Err(error) => Err(Unanswered::Error(error)),
    }
}

/// The question as programs send it. What the form leaves empty is absent.
fn members_of(typed: &TypedQuestion) -> Map<String, Value> {
    let one = |text: &str| filled(text).map(|text| json!([text]));
    let request = [
        ("roles", one(&typed.role)),
        ("rooms", one(&typed.room)),
        ("transports", one(&typed.transport)),
    ];
    let mut members = Map::new();
    members.insert("request".to_owned(), named(request));
    if let Some(session) = filled(&typed.session) {
        members.insert("session".to_owned(), json!(session));
    } else if let Some(person) = filled(&typed.person) {
        members.insert("person".to_owned(), json!(person));
    } else {
        // White space at an end of a group counts; a line end does not.
        let groups = typed.groups.lines().filter(|line| !line.is_empty());
        let identity = [
            ("groups", Some(json!(groups.collect::<Vec<_>>()))),
            ("username", filled(&typed.username).map(|text| json!(text))),
            ("subject", filled(&typed.subject).map(|text| json!(text))),
        ];
        members.insert("identity".to_owned(), named(identity));
    }
    if let Some(at) = filled(&typed.at) {
        let at = times::typed(at).unwrap_or_else(|| at.to_owned());
        members.insert("at".to_owned(), json!(at));
    }
    members
}

fn named<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let named = members.into_iter();
    let named = named.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(named.collect())
}
