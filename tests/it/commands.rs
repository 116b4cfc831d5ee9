//! The words of the command line, as an operator types them.

mod healthcheck;
mod help;
mod inspect;
mod red5_config;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::bridge::RED5_SECRET;

/// The program with these words and variables, and nothing else of the environment.
fn run(words: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
        .args(words)
        .env_clear()
        .env("RED5_JWT_SECRET", RED5_SECRET)
        .envs(variables.iter().copied())
        // Where there is no `.env`.
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read is gone before all is written.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// How it ended, and what it said on standard output.
fn said(output: Output) -> (i32, String) {
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
    )
}
