//! The program itself, as an operator starts it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;

use crate::bridge::environment;
use crate::eventually::eventually;
use crate::provider::Provider;

/// A provider that is not there: nothing is asked of it.
const NO_PROVIDER: &str = "http://127.0.0.1:1";

/// Runs `serve` under a configuration that must keep it from starting.
pub fn refused_start(variables: &[(&str, &str)]) -> Output {
    let mut child = program("postgres://postgres@localhost/none", NO_PROVIDER)
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its output ends when it does, or else it says that it has started.
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    while output.read_until(b'\n', &mut said).unwrap() > 0 {
        if String::from_utf8_lossy(&said).contains("listening on") {
            child.kill().unwrap();
            panic!("it started, in spite of {variables:?}");
        }
    }
    let mut refused = child.wait_with_output().unwrap();
    refused.stdout = said;
    refused
}

fn program(database_url: &str, issuer: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_red5-bridge"));
    program.arg("serve");
    configured(program, database_url, issuer)
}

/// The same, with no more open files than these.
fn program_with_files(database_url: &str, issuer: &str, files: u32) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(format!("ulimit -n {files} && exec \"$0\" serve"))
        .arg(env!("CARGO_BIN_EXE_red5-bridge"));
    configured(shell, database_url, issuer)
}

fn configured(mut program: Command, database_url: &str, issuer: &str) -> Command {
    program
        .env_clear()
        .envs(environment(database_url, issuer))
        .envs(switched_on())
        // Where there is no `.env`.
        .current_dir(std::env::temp_dir());
    program
}

/// The change that `make mutants` has switched on is in the program too.
#[expect(clippy::disallowed_methods, reason = "what `make mutants` wants")]
fn switched_on() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("MUTANT"))
}

/// A running program and everything that it writes.
pub struct Process {
    child: Child,
    log: PathBuf,
    pub provider: Arc<Provider>,
    pub address: String,
}

impl Process {
    /// Starts it with every log line there is.
    pub async fn start(database_url: &str, variables: &[(&str, &str)]) -> Self {
        let provider = Arc::new(Provider::start());
        let mut program = program(database_url, provider.issuer());
        program
            .env("RUST_LOG", "trace")
            .envs(variables.iter().copied());
        Self::spawn(program, provider).await
    }

    /// One of several instances with the same provider.
    pub async fn start_with_provider(
        database_url: &str,
        provider: &Arc<Provider>,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut program = program(database_url, provider.issuer());
        program.envs(variables.iter().copied());
        Self::spawn(program, Arc::clone(provider)).await
    }

    /// Starts it with a limit of open files.
    pub async fn start_with_files(database_url: &str, files: u32) -> Self {
        let provider = Arc::new(Provider::start());
        let program = program_with_files(database_url, provider.issuer(), files);
        Self::spawn(program, provider).await
    }

    async fn spawn(mut program: Command, provider: Arc<Provider>) -> Self {
        let mut name = [0; 8];
        getrandom::fill(&mut name).unwrap();
        let name = format!("red5-bridge-{:016x}.log", u64::from_be_bytes(name));
        let log = std::env::temp_dir().join(name);
        let file = fs::File::create(&log).unwrap();
        let child = program
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut process = Self {
            child,
            log,
            provider,
            address: String::new(),
        };
        process.address = process.listening().await;
        process
    }

    async fn listening(&self) -> String {
        eventually("it says where it listens", async || {
            let log = self.log();
            let address = log.split("listening on http://").nth(1)?.lines().next()?;
            // In JSON more follows after a quote.
            let port = address.split('"').next()?.rsplit(':').next()?;
            let digits: String = port.chars().take_while(char::is_ascii_digit).collect();
            let place = SocketAddr::from((Ipv4Addr::LOCALHOST, digits.parse().unwrap()));
            Some(format!("http://{place}"))
        })
        .await
    }

    /// Where its second listener is.
    pub fn ops_address(&self) -> String {
        let log = self.log();
        let (_, rest) = log.split_once("metrics on http://").unwrap();
        format!("http://{}", rest.split("/metrics").next().unwrap())
    }

    /// Asks it to end, as a service manager does.
    pub fn terminate(&self) {
        let kill = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("it ends", async || self.child.try_wait().unwrap()).await
    }

    /// Waits until it has written something.
    pub async fn until_log(&self, words: &str) {
        eventually(words, async || self.log().contains(words)).await;
    }

    /// Memory that it holds, in kB (`VmRSS`).
    pub fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Everything it has written.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "the log says why the test failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.log);
    }
}
