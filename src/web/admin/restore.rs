//! `/admin/mappings/restore`: the tables as they stood, one mapping as it was, or one change set taken back.

use actix_web::web;
use chrono::{DateTime, Utc};

use crate::domain::mapping::MappingId;
use crate::domain::members::FieldError;
use crate::domain::undo::{LeftAlone, RowKey};
use crate::flow::admin::Admin;
use crate::flow::mappings::{ChangeError, ChangeOutcome, MappingEditor, PlanVersion, Terms};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedForm};
use crate::web::form::Form;
use crate::web::page::show;
use crate::web::query::Query;
use crate::web::views::problem::{self as problems, Problem};
use crate::web::views::{LeftWords, PlanRefused, PlanWords, RestorePage, TypedRestore, times};

/// An earlier state.
#[derive(Debug, Clone, Copy)]
enum Earlier {
    At(DateTime<Utc>),
    Row { id: MappingId, audit_id: i64 },
    Before { change_set: i64 },
}

/// GET `/admin/mappings/restore?at=`, `?change_set=`, `?mapping=&audit=`
pub async fn page(admin: Admin, page: Page, editor: web::Data<MappingEditor>) -> Answer {
    let query = page.query()?.without_empty();
    let mut shown = blank(&page, &query);
    if query == Form::default() {
        return Ok(show(&shown));
    }
    let (earlier, _) = read(&mut shown, query, editor.now())?;
    match plan(&admin, &editor, earlier, &mut shown).await? {
        None => Ok(show(&shown)),
        Some(problem) => Err(Refusal::new(problem).showing(&shown)),
    }
}

/// POST `/admin/mappings/restore`
pub async fn restore(
    sent: ProtectedForm<Admin>,
    page: Page,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let (admin, form) = (&sent.sender, sent.form.without_empty());
    let mut shown = blank(&page, &form);
    let (earlier, planned) = read(&mut shown, form, editor.now())?;
    // Only what a plan showed is done.
    let planned = planned.ok_or_else(|| Refusal::new(problems::INVALID_REQUEST))?;
    let problem = match lead_to(admin, &editor, earlier, planned.into()).await {
        Ok(Some((outcome, _))) => return Ok(done(&page, &outcome)),
        Ok(None) => {
            shown.unknown = true;
            return Err(Refusal::new(problems::NOT_FOUND).showing(&shown));
        }
        Err(error) => refused(error, &mut shown.not_done)?,
    };
    let now = plan(admin, &editor, earlier, &mut shown).await?;
    Err(Refusal::new(now.unwrap_or(problem)).showing(&shown))
}

/// To the history, which has the change set and the way to undo it.
pub(super) fn done(page: &Page, outcome: &ChangeOutcome) -> actix_web::HttpResponse {
    let set = outcome.change_set;
    let set = set.map_or_else(|| "nothing".to_owned(), |set| set.to_string());
    page.see_other(&format!("/admin/history?done={set}"))
}

/// Why nothing was done, and its problem.
pub(super) fn refused(
    error: ChangeError,
    not_done: &mut Option<PlanRefused>,
) -> Result<Problem, Refusal> {
    let (why, problem) = match error {
        ChangeError::OtherVersion { .. } | ChangeError::StaleRow { .. } => {
            (PlanRefused::Stale, problems::STALE)
        }
        ChangeError::Refused(failing) => (PlanRefused::TestsFailed(failing), problems::TEST_FAILED),
        ChangeError::Duplicate { .. } => (PlanRefused::Duplicate, problems::DUPLICATE),
        error @ ChangeError::Store(_) => return Err(error.into()),
    };
    *not_done = Some(why);
    Ok(problem)
}

fn blank(page: &Page, sent: &Form) -> RestorePage {
    RestorePage {
        frame: page.frame(),
        typed: TypedRestore {
            at: sent.text("at"),
            change_set: sent.text("change_set"),
            mapping: sent.text("mapping"),
            audit: sent.text("audit"),
        },
        errors: Vec::new(),
        unknown: false,
        not_done: None,
        plan: None,
        left_alone: Vec::new(),
    }
}

/// Which state is asked for, and the tables that a plan was for.
fn read(
    shown: &mut RestorePage,
    sent: Form,
    now: DateTime<Utc>,
) -> Result<(Earlier, Option<PlanVersion>), Refusal> {
    let mut query = Query::of_page(sent);
    let at = query.read("at", times::TYPED, |text| times::typed(text)?.parse().ok());
    let change_set = query.number("change_set", i64::MAX);
    let id = query.number("mapping", i64::MAX).map(MappingId);
    let audit_id = query.number("audit", i64::MAX);
    let rule = "must be the version that the page was sent with";
    let version = query.read("plan_version", rule, PlanVersion::parse);
    let earlier = match (at, change_set, id.zip(audit_id)) {
        (Some(at), None, None) => Some(Earlier::At(at)),
        (None, Some(change_set), None) => Some(Earlier::Before { change_set }),
        (None, None, Some((id, audit_id))) => Some(Earlier::Row { id, audit_id }),
        _ => None,
    };
    let earlier = match query.finish(Some(earlier)) {
        Ok(Some(Earlier::At(at))) if now < at => {
            Err(vec![FieldError::new("at", "must not be in the future")])
        }
        Ok(Some(earlier)) => Ok(earlier),
        Ok(None) => Err(vec![FieldError::new(
            "at",
            "ask for one thing: a time, a change set, or a change of a mapping",
        )]),
        Err(errors) => Err(errors),
    };
    match earlier {
        Ok(earlier) => Ok((earlier, version)),
        Err(errors) => {
            shown.errors = errors;
            Err(Refusal::new(problems::INVALID_REQUEST).showing(shown))
        }
    }
}

/// Shows what would be done, or the problem.
async fn plan(
    admin: &Admin,
    editor: &MappingEditor,
    earlier: Earlier,
    shown: &mut RestorePage,
) -> Result<Option<Problem>, Refusal> {
    let terms = Terms {
        dry_run: true,
        ..Terms::default()
    };
    match lead_to(admin, editor, earlier, terms).await {
        Ok(Some((outcome, left))) => {
            shown.plan = Some(PlanWords::of(outcome));
            shown.left_alone = left.into_iter().map(LeftWords::of).collect();
            Ok(None)
        }
        Ok(None) => {
            shown.unknown = true;
            Ok(Some(problems::NOT_FOUND))
        }
        Err(error) => refused(error, &mut shown.not_done).map(Some),
    }
}

type Restored = Option<(ChangeOutcome, Vec<(RowKey, LeftAlone)>)>;

async fn lead_to(
    admin: &Admin,
    editor: &MappingEditor,
    earlier: Earlier,
    terms: Terms,
) -> Result<Restored, ChangeError> {
    let whole = |outcome| (outcome, Vec::new());
    match earlier {
        Earlier::At(at) => editor.restore(admin, at, terms).await.map(whole).map(Some),
        Earlier::Row { id, audit_id } => {
            let restored = editor.restore_one(admin, id, audit_id, terms).await?;
            Ok(restored.map(whole))
        }
        Earlier::Before { change_set } => editor.undo(admin, change_set, terms).await,
    }
}
