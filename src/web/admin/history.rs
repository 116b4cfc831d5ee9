//! `/admin/history`, `/api/admin/audit`: who changed what, and the whole log as a file.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use futures_core::Stream;
use serde_json::{Value, json};

use super::paging::filter;
use crate::domain::identity::PersonKey;
use crate::domain::person::PersonId;
use crate::domain::time::utc;
use crate::flow::StoreError;
use crate::flow::admin::Admin;
use crate::flow::history::{AuditEntry, AuditFilter, History};
use crate::flow::people::People;
use crate::web::error::{Answer, Refusal, problem_of_store};
use crate::web::extract::Page;
use crate::web::form::Form;
use crate::web::page::show;
use crate::web::query::Query;
use crate::web::views::{DoneSet, HistoryList, HistoryRow, TypedHistory};

const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// Changes that a streamed answer holds in memory at once.
const STREAMED_AT_ONCE: usize = 1000;

/// GET `/api/admin/audit?q=&action=&actor=&mapping=&person=&from=&until=&limit=&before=&format=`
pub async fn list(
    admin: Admin,
    request: HttpRequest,
    history: web::Data<History>,
    people: web::Data<People>,
) -> Answer {
    let mut query = Query::of_program(Form::of_query(&request)?);
    let format = query.read("format", "must be csv or jsonl, or left out", Format::parse);
    let asked = HistoryQuery::of(&mut query);
    let asked = query.finish(Some(asked))?;
    let filter = asked.filter(&admin, &people).await?;
    if let Some(format) = format {
        return stream(admin, history, filter, format).await;
    }
    let found = history.page(&admin, &filter, asked.limit).await?;
    let items: Vec<Value> = found.items.iter().map(as_json).collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next_before": found.next_before })))
}

/// GET `/admin/history`, with the same filters.
pub async fn page(
    admin: Admin,
    page: Page,
    history: web::Data<History>,
    people: web::Data<People>,
) -> Answer {
    let mut query = Query::of_page(page.query()?);
    let asked = HistoryQuery::of(&mut query);
    let done = match query.text("done").as_str() {
        "nothing" => Some(DoneSet::Nothing),
        set => set.parse().ok().map(DoneSet::Written),
    };
    let typed = TypedHistory {
        q: query.text("q"),
        action: query.text("action"),
        actor: query.text("actor"),
        mapping: query.text("mapping"),
        person: query.text("person"),
        from: query.text("from"),
        until: query.text("until"),
    };
    let asked = query.finish(Some(asked))?;
    let filter = asked.filter(&admin, &people).await?;
    let found = history.page(&admin, &filter, asked.limit).await?;
    Ok(show(&HistoryList {
        frame: page.frame(),
        rows: found.items.iter().map(HistoryRow::of).collect(),
        is_newest: filter.before.is_none(),
        older: found.next_before,
        typed,
        done,
    }))
}

/// What a query asks for.
struct HistoryQuery {
    filter: AuditFilter,
    /// Still without the person's key.
    person: Option<PersonId>,
    limit: usize,
}

impl HistoryQuery {
    fn of(query: &mut Query) -> Self {
        let mut text = |name| {
            let text = query.with(&[name], |form| {
                filter(form, name).map_err(|error| vec![error])
            });
            Some(text).filter(|text| !text.is_empty())
        };
        let (text, action, actor) = (text("q"), text("action"), text("actor"));
        let limit = query.number("limit", LIMIT_MAX).unwrap_or(LIMIT);
        Self {
            limit: usize::try_from(limit).unwrap_or_default(),
            person: query.read("person", "must be p_ and 32 digits", PersonId::parse),
            filter: AuditFilter {
                text,
                action,
                actor,
                mapping: query.number("mapping", i64::MAX),
                person: None,
                from: query.time("from"),
                until: query.time("until"),
                before: query.number("before", i64::MAX),
            },
        }
    }

    /// As the log names the person.
    async fn filter(&self, admin: &Admin, people: &People) -> Result<AuditFilter, Refusal> {
        let mut filter = self.filter.clone();
        if let Some(id) = &self.person {
            let identity = people.get(admin, id).await?.person.identity;
            filter.person = Some(PersonKey::new(&identity.issuer, &identity.subject));
        }
        Ok(filter)
    }
}

/// A file that the log is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

impl Format {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::JsonLines => "application/x-ndjson",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"audit.csv\"",
            Self::JsonLines => "attachment; filename=\"audit.jsonl\"",
        }
    }

    /// What comes before the first change.
    fn head(self) -> String {
        match self {
            Self::Csv => csv_line(&COLUMNS.map(str::to_owned)),
            Self::JsonLines => String::new(),
        }
    }

    fn line(self, entry: &AuditEntry) -> String {
        match self {
            Self::Csv => csv_line(&cells(entry)),
            Self::JsonLines => format!("{}\n", as_json(entry)),
        }
    }
}

/// The log from the newest change of a filter on, read page by page.
struct Export {
    admin: Admin,
    history: web::Data<History>,
    filter: AuditFilter,
    format: Format,
}

impl Export {
    /// The next changes, and what reads those after them.
    async fn read(mut self) -> Result<(Bytes, Option<Self>), StoreError> {
        let page = self
            .history
            .page(&self.admin, &self.filter, STREAMED_AT_ONCE)
            .await?;
        let lines = page.items.iter().map(|entry| self.format.line(entry));
        let lines = Bytes::from(lines.collect::<String>());
        let rest = page.next_before.map(|before| {
            self.filter.before = Some(before);
            self
        });
        Ok((lines, rest))
    }
}

type Reading = Pin<Box<dyn Future<Output = Result<(Bytes, Option<Export>), StoreError>>>>;

/// What is read already, and what is being read.
struct ExportStream {
    read: Option<Bytes>,
    reading: Option<Reading>,
}

fn reading(rest: Option<Export>) -> Option<Reading> {
    rest.map(|rest| Box::pin(rest.read()) as Reading)
}

impl Stream for ExportStream {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(read) = self.read.take() {
            return Poll::Ready(Some(Ok(read)));
        }
        let Some(task) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let read = ready!(task.as_mut().poll(context));
        Poll::Ready(Some(match read {
            Ok((lines, rest)) => {
                self.reading = reading(rest);
                Ok(lines)
            }
            // The answer has begun: what is missing shows by its broken end alone.
            Err(error) => {
                self.reading = None;
                problem_of_store(&error);
                Err(error)
            }
        }))
    }
}

/// The whole log of a filter. What fails before the first changes are read is still a refusal.
async fn stream(
    admin: Admin,
    history: web::Data<History>,
    filter: AuditFilter,
    format: Format,
) -> Answer {
    let export = Export {
        admin,
        history,
        filter,
        format,
    };
    let (lines, rest) = export.read().await?;
    let mut read = format.head().into_bytes();
    read.extend_from_slice(&lines);
    let body = ExportStream {
        read: Some(Bytes::from(read)),
        reading: reading(rest),
    };
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header((CONTENT_DISPOSITION, format.file()))
        .streaming(body))
}

fn as_json(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id,
        "at": utc(entry.at),
        "actor": { "label": entry.actor_label, "subject": entry.actor_subject },
        "action": entry.action,
        "object": entry.object,
        "change_set": entry.change_set,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
        "client_ip": entry.client_ip,
    })
}

const COLUMNS: [&str; 11] = [
    "id",
    "at",
    "actor_label",
    "actor_subject",
    "action",
    "object",
    "change_set",
    "before",
    "after",
    "request_id",
    "client_ip",
];

/// In the order of [`COLUMNS`].
fn cells(entry: &AuditEntry) -> [String; 11] {
    let json = |state: &Option<Value>| state.as_ref().map(Value::to_string).unwrap_or_default();
    let change_set = entry.change_set.map(|number| number.to_string());
    [
        entry.id.to_string(),
        utc(entry.at),
        entry.actor_label.clone(),
        entry.actor_subject.clone(),
        entry.action.clone(),
        entry.object.clone(),
        change_set.unwrap_or_default(),
        json(&entry.before),
        json(&entry.after),
        entry.request_id.clone().unwrap_or_default(),
        entry.client_ip.clone().unwrap_or_default(),
    ]
}

/// RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe.
fn csv_line(cells: &[String]) -> String {
    let cells = cells.iter().map(|cell| {
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let cell = format!("{}{cell}", if is_formula { "'" } else { "" });
        if cell.contains(['"', ',', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (cell, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("a=1", "a=1"),
        ] {
            let line = csv_line(&[cell.to_owned(), "z".to_owned()]);
            assert_eq!(line, format!("{written},z\r\n"), "{cell:?}");
        }
    }
}
