//! Mapping tests for people: `/admin/tests`, `/admin/tests/new`, `/admin/tests/{id}`.

use actix_web::{HttpResponse, web};

use super::row::{of_one_row, parse_id, version_of};
use crate::domain::change_set::{Edit, TableChange};
use crate::domain::mapping_test::{MappingTest, MappingTestDraft, MappingTestId};
use crate::flow::admin::Admin;
use crate::flow::effect::failures;
use crate::flow::mappings::{ChangeError, MappingEditor, TableRow, Twin};
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedForm, SentForm, Submitted};
use crate::web::page::show;
use crate::web::views::problem as problems;
use crate::web::views::{TestDelete, TestForm, TestList, TestNotSaved, TestRow, TypedTest};

/// What a page before the list did, in words, and whether that was asked for.
const DONE: [(&str, &str, bool); 4] = [
    ("added", "The test was added.", true),
    ("saved", "The test was saved.", true),
    ("deleted", "The test was deleted.", true),
    ("gone", "That test is not there any more.", false),
];

/// GET `/admin/tests`
pub async fn list_page(admin: Admin, page: Page, editor: web::Data<MappingEditor>) -> Answer {
    let done = page.query()?.text("done");
    let done = DONE.into_iter().find(|(word, ..)| *word == done);
    Ok(show(&TestList {
        frame: page.frame(),
        rows: rows(&admin, &editor).await?,
        done: done.map(|(_, sentence, is_good)| (sentence, is_good)),
    }))
}

/// GET `/admin/tests/new`
pub async fn new_page(_: Admin, page: Page) -> Answer {
    Ok(show(&blank(&page, None)))
}

/// GET `/admin/tests/{id}`
pub async fn edit_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let test = find(&admin, &page, parse_id(&id)?, &editor).await?;
    Ok(show(&TestForm {
        typed: TypedTest::of(&test.draft),
        ..blank(&page, Some((test.id, test.version)))
    }))
}

/// POST `/admin/tests`
pub async fn add(sent: SentForm<Admin>, page: Page, editor: web::Data<MappingEditor>) -> Answer {
    let (form, draft) = judge(&page, None, sent.sent)?;
    write(&page, &editor, &sent.sender, form, Edit::Create(draft)).await
}

/// POST `/admin/tests/{id}`
pub async fn save(
    sent: SentForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let (Submitted::Now(form) | Submitted::Earlier(form)) = &sent.sent;
    let (id, version) = (parse_id(&id)?, version_of(form)?);
    let editing = Some((MappingTestId(id), version));
    let (form, draft) = judge(&page, editing, sent.sent)?;
    let edit = Edit::Replace { id, version, draft };
    write(&page, &editor, &sent.sender, form, edit).await
}

/// GET `/admin/tests/{id}/delete`
pub async fn delete_page(
    admin: Admin,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let shown = confirmation(&admin, &page, parse_id(&id)?, &editor).await?;
    Ok(show(&shown))
}

/// POST `/admin/tests/{id}/delete`
pub async fn delete_confirmed(
    sent: ProtectedForm<Admin>,
    page: Page,
    id: web::Path<String>,
    editor: web::Data<MappingEditor>,
) -> Answer {
    let (id, version) = (parse_id(&id)?, version_of(&sent.form)?);
    let deleted = TableChange::Test(Edit::Delete { id, version });
    match editor.change(&sent.sender, deleted).await {
        Ok(_) => Ok(back(&page, "deleted")),
        Err(ChangeError::StaleRow { .. }) => {
            let shown = TestDelete {
                changed_meanwhile: true,
                ..confirmation(&sent.sender, &page, id, &editor).await?
            };
            Err(Refusal::new(problems::STALE).showing(&shown))
        }
        Err(error) => Err(of_one_row(error)),
    }
}

async fn rows(admin: &Admin, editor: &MappingEditor) -> Result<Vec<TestRow>, Refusal> {
    let (tables, _) = editor.tables(admin, None).await?;
    let mut failing = failures(&tables, editor.now()).into_iter().peekable();
    // Both are by number.
    let rows = tables.tests.iter().map(|test| {
        let because = failing.next_if(|(failing, _)| failing.id == test.id);
        TestRow::of(test, because.map_or_else(Vec::new, |(_, because)| because))
    });
    Ok(rows.collect())
}

async fn find(
    admin: &Admin,
    page: &Page,
    id: i64,
    editor: &MappingEditor,
) -> Result<MappingTest, Refusal> {
    let tests = editor.tests(admin).await?;
    let found = tests.into_iter().find(|test| test.id.0 == id);
    found.ok_or_else(|| Refusal::new(problems::NOT_FOUND).answered_by(back(page, "gone")))
}

async fn confirmation(
    admin: &Admin,
    page: &Page,
    id: i64,
    editor: &MappingEditor,
) -> Result<TestDelete, Refusal> {
    let test = find(admin, page, id, editor).await?;
    Ok(TestDelete {
        frame: page.frame(),
        row: TestRow::of(&test, Vec::new()),
        changed_meanwhile: false,
    })
}

fn back(page: &Page, done: &str) -> HttpResponse {
    page.see_other(&format!("/admin/tests?done={done}"))
}

fn blank(page: &Page, editing: Option<(MappingTestId, i64)>) -> TestForm {
    TestForm {
        frame: page.frame(),
        editing,
        typed: TypedTest::default(),
        errors: Vec::new(),
        not_saved: None,
    }
}

/// The form with what was typed and the test that it is.
fn judge(
    page: &Page,
    editing: Option<(MappingTestId, i64)>,
    sent: Submitted,
) -> Result<(TestForm, MappingTestDraft), Refusal> {
    let (form, is_earlier) = sent.into_form();
    let mut form = TestForm {
        typed: TypedTest::sent(form)?,
        ..blank(page, editing)
    };
    if is_earlier {
        form.not_saved = Some(TestNotSaved::SessionChanged);
        return Err(Refusal::new(problems::SESSION_CHANGED).showing(&form));
    }
    match form.typed.read() {
        Ok(draft) => Ok((form, draft)),
        Err(errors) => {
            form.errors = errors;
            Err(Refusal::new(problems::INVALID_REQUEST).showing(&form))
        }
    }
}

/// Saves what was typed, or shows it again with why it was not saved.
async fn write(
    page: &Page,
    editor: &MappingEditor,
    admin: &Admin,
    mut form: TestForm,
    edit: Edit<MappingTestDraft>,
) -> Answer {
    let done = match edit {
        Edit::Create(_) => "added",
        _ => "saved",
    };
    let (problem, why) = match editor.change(admin, TableChange::Test(edit)).await {
        Ok(_) => return Ok(back(page, done)),
        Err(ChangeError::StaleRow {
            current: Some(TableRow::Test(now)),
            ..
        }) => {
            form.editing = Some((now.id, now.version));
            let now = Box::new(TypedTest::of(&now.draft));
            (problems::STALE, TestNotSaved::Stale(now))
        }
        // Deleted meanwhile: what was typed may become a new test.
        Err(ChangeError::StaleRow { .. }) => {
            let gone = form.editing.take().map_or(0, |(id, _)| id.0);
            (problems::NOT_FOUND, TestNotSaved::Gone(gone))
        }
        Err(ChangeError::Duplicate {
            twin: Twin::Row(id),
            ..
        }) => (problems::DUPLICATE, TestNotSaved::Duplicate(id)),
        Err(ChangeError::Refused(failing)) => {
            let because = failing.into_iter().flat_map(|test| test.because);
            let because = because.collect();
            (problems::TEST_FAILED, TestNotSaved::Fails(because))
        }
        Err(error) => return Err(error.into()),
    };
    form.not_saved = Some(why);
    Err(Refusal::new(problem).showing(&form))
}
