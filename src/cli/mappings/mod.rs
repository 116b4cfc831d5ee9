//! `mappings`: the tables as a file, and a file as the tables.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::arguments::MappingsCommand;
use super::terminal::{Failure, ask, complain, print, read_stdin, say};
use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Database, Variables};
use crate::domain::mapping_file;
use crate::domain::tables::{MappingTables, WantedTables};
use crate::flow::admin::Admin;
use crate::flow::effect::failures;
use crate::flow::mapping_files;
use crate::flow::mappings::{ChangeError, ChangeOutcome, MappingEditor, Terms};
use crate::flow::plan::{failed, failing, words};
use crate::store::Store;
use crate::visible::visible;

/// The exit code of a plan with changes; 2 is the usage error.
const CHANGES: u8 = 3;

/// Most bytes of a file on standard input.
const INPUT_MAX: usize = 256 << 20;

/// Most errors of a file that are told.
const ERRORS_TOLD: usize = 50;

/// Most characters of a user's name in the audit log.
const USER_MAX: usize = 64;

/// Runs one of them.
pub(super) async fn run(command: MappingsCommand) -> Result<ExitCode, Failure> {
    match command {
        MappingsCommand::Export { file, csv } => {
            let (tables, _) = at_desk(async |desk| desk.tables().await).await?;
            let text = if csv {
                mapping_files::as_csv(&tables)
            } else {
                mapping_file::write(&tables)?
            };
            match file.as_deref() {
                None | Some("-") => print(&text)?,
                Some(file) => write_whole(Path::new(file), &text)
                    .map_err(|error| format!("{file}: {error}"))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        MappingsCommand::Plan { file } => {
            let wanted = read(&file)?;
            let plan = at_desk(async |desk| desk.plan(&wanted).await).await?;
            say(&words(&plan).join("\n"));
            let code = if plan.changes.is_empty() { 0 } else { CHANGES };
            Ok(ExitCode::from(code))
        }
        MappingsCommand::Apply {
            file,
            yes,
            plan_version,
        } => {
            let wanted = read(&file)?;
            at_desk(async |desk| desk.apply(&wanted, yes, plan_version).await).await
        }
        MappingsCommand::Test { file } => {
            let tables = match file {
                Some(file) => tables_of(&file)?,
                None => at_desk(async |desk| desk.tables().await).await?.0,
            };
            Ok(test(&tables))
        }
    }
}

/// The tables of the database, and who changes them.
struct MappingDesk {
    admin: Admin,
    editor: MappingEditor,
    store: Store,
}

async fn at_desk<T>(
    work: impl AsyncFnOnce(&MappingDesk) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let variables = Variables::of_process()?;
    let database = variables.read(Database::read)?;
    let people = variables.read(|reader| {
        let idle = config::read_session_idle_minutes(reader);
        Some((idle, config::read_seen_days(reader)))
    })?;
    let user = variables.user();
    let user: String = visible(&user).chars().take(USER_MAX).collect();
    let (editor, store) = app::mapping_editor(&database, people, Arc::new(SystemClock))?;
    let admin = Admin::of_command_line(&user);
    let desk = MappingDesk {
        admin,
        editor,
        store,
    };
    let done = work(&desk).await;
    desk.store.close().await;
    done
}

impl MappingDesk {
    async fn tables(&self) -> Result<(MappingTables, i64), Failure> {
        Ok(self.editor.tables(&self.admin, None).await?)
    }

    async fn plan(&self, wanted: &WantedTables) -> Result<ChangeOutcome, Failure> {
        let terms = Terms {
            if_mapping_version: None,
            if_tests: None,
            dry_run: true,
        };
        let tried = self.editor.lead_to(&self.admin, wanted, terms).await;
        tried.map_err(refusal)
    }

    async fn apply(
        &self,
        wanted: &WantedTables,
        yes: bool,
        plan_version: Option<i64>,
    ) -> Result<ExitCode, Failure> {
        let plan = self.plan(wanted).await?;
        let now = plan.effect.mapping_version;
        if let Some(planned) = plan_version.filter(|planned| *planned != now) {
            return Err(format!("the plan is of mapping version {planned}, and the table is at version {now}: nothing was changed; plan again").into());
        }
        say(&words(&plan).join("\n"));
        if plan.changes.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if !yes && !ask("Apply these changes? (y/N)")?.ok_or(NO_TERMINAL)? {
            complain("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
        let terms = Terms {
            if_mapping_version: Some(now),
            if_tests: None,
            dry_run: false,
        };
        let applied = self.editor.lead_to(&self.admin, wanted, terms).await;
        let version = applied.map_err(refusal)?.effect.mapping_version;
        say(&format!("applied; mapping version {version}"));
        Ok(ExitCode::SUCCESS)
    }
}

const NO_TERMINAL: &str = "there is no terminal to ask at: add --yes; nothing was changed";

fn refusal(error: ChangeError) -> Failure {
    match error {
        ChangeError::Refused(tests) => {
            let mut lines = vec!["a mapping test would fail: nothing was changed".to_owned()];
            lines.extend(tests.iter().flat_map(failing));
            lines.join("\n").into()
        }
        ChangeError::OtherVersion { current } => format!(
            "the mappings were changed meanwhile, to version {current}: nothing was changed; plan again"
        )
        .into(),
        error => format!("{error}: nothing was changed").into(),
    }
}

fn test(tables: &MappingTables) -> ExitCode {
    let mut tests_failing = 0;
    for (test, because) in failures(tables, SystemClock.now()) {
        tests_failing += 1;
        for because in because {
            say(&failed(test.draft.name(), &because));
        }
    }
    let tests = tables.tests.len();
    say(&format!("{tests} mapping tests, {tests_failing} failing"));
    match tests_failing {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The tables of a file that has its own mappings.
fn tables_of(file: &str) -> Result<MappingTables, Failure> {
    let wanted = read(file)?;
    if wanted.mappings.is_none() {
        return Err(format!("{file}: mappings: must be there, for the tests to be judged").into());
    }
    Ok(wanted.alone(SystemClock.now()))
}

fn read(file: &str) -> Result<WantedTables, Failure> {
    let given = match file {
        "-" => read_stdin("a mapping file", INPUT_MAX),
        file => fs::read(file),
    };
    let given = given.map_err(|error| format!("{file}: {error}"))?;
    if file == "-" && given.len() > INPUT_MAX {
        return Err(format!("-: has more than {INPUT_MAX} bytes").into());
    }
    let is_csv = Path::new(file)
        .extension()
        .is_some_and(|name| name.eq_ignore_ascii_case("csv"));
    mapping_files::read(&given, is_csv).map_err(|errors| {
        let more = errors.len().saturating_sub(ERRORS_TOLD);
        let told = errors.iter().take(ERRORS_TOLD);
        let mut lines: Vec<_> = told
            .map(|error| visible(&format!("{file}: {error}")).into_owned())
            .collect();
        if more > 0 {
            lines.push(format!("{file}: and {more} more"));
        }
        lines.join("\n").into()
    })
}

/// Writes a file whole or not at all; a reader meanwhile sees the old one. What is no file, as
/// `/dev/stdout`, is written to.
fn write_whole(file: &Path, text: &str) -> std::io::Result<()> {
    // A link goes on leading to its file.
    let file = match file.canonicalize() {
        Ok(there) if !there.is_file() => return fs::write(file, text),
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => file.to_owned(),
        Err(error) => return Err(error),
    };
    let name = file.file_name().ok_or(ErrorKind::IsADirectory)?;
    let name = format!(".{}.{}", name.to_string_lossy(), std::process::id());
    let beside = file.with_file_name(name);
    let written = write_new(&beside, text).and_then(|()| fs::rename(&beside, &file));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_new(file: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::File::create_new(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
