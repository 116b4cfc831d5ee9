//! What commands read and write.

use std::error::Error;
use std::io::{IsTerminal, Read, Write};

/// Why a command failed: written to standard error, and the exit code is 1.
pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// A result of a command, a line or more.
#[expect(clippy::print_stdout, reason = "the result of a command")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

/// A result of a command, byte for byte.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// What is not the result.
#[expect(clippy::print_stderr, reason = "before there is a log")]
pub(super) fn complain(line: &str) {
    eprintln!("{}", line.trim_end());
}

/// At most one byte more than `most` of standard input.
pub(super) fn read_stdin(what: &str, most: usize) -> std::io::Result<Vec<u8>> {
    if std::io::stdin().is_terminal() {
        complain(&format!(
            "reading {what} from standard input; end with Ctrl-D"
        ));
    }
    let mut given = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    std::io::stdin()
        .take(most.saturating_add(1))
        .read_to_end(&mut given)?;
    Ok(given)
}

/// Whether the person at the terminal says yes; none where there is no terminal.
pub(super) fn ask(question: &str) -> std::io::Result<Option<bool>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    complain(question);
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    Ok(Some(
        ["y", "yes"]
            .iter()
            .any(|yes| answer.eq_ignore_ascii_case(yes)),
    ))
}
