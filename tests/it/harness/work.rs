//! People at work: one edits, some ask for tokens, some sign in; and what must have held
//! whatever happened meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{BOUND, House, mapping, number_of};
use crate::bridge::{Answer, Browser};

/// Between two requests of one person, so that the machine is not busy with them alone.
const PAUSE: Duration = Duration::from_millis(10);

/// What was seen.
#[derive(Default)]
pub struct Seen {
    /// Edits that were acknowledged: number, and when the answer was here.
    pub edits: Vec<(u64, Instant)>,
    /// The highest number that was sent.
    pub attempted: u64,
    /// Tokens: when they were asked for, and the edit that they show.
    pub tokens: Vec<(Instant, u64)>,
    /// Exchanges that were answered with 503, or not at all.
    pub without: usize,
    /// Sign-ins that worked.
    pub sign_ins: usize,
}

/// The work, until it is ended.
pub struct Work {
    seen: Arc<Mutex<Seen>>,
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Work {
    /// Begins. The mapping of ann's group is there, as `map` gave it.
    pub fn begin(
        house: &Arc<House>,
        admin: Browser,
        ann: &Browser,
        noor: &Browser,
        mapping: &Value,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let over = Arc::new(AtomicBool::new(false));
        let mut tasks = vec![
            tokio::spawn(edit(
                admin,
                mapping["id"].to_string(),
                Arc::clone(&seen),
                Arc::clone(&over),
            )),
            tokio::spawn(sign_in(
                Arc::clone(house),
                Arc::clone(&seen),
                Arc::clone(&over),
            )),
            tokio::spawn(never_a_token(noor.clone(), Arc::clone(&over))),
        ];
        for _ in 0..4 {
            tasks.push(tokio::spawn(exchange(
                ann.clone(),
                Arc::clone(&seen),
                Arc::clone(&over),
            )));
        }
        Self { seen, over, tasks }
    }

    /// How many tokens there were up to now.
    pub fn tokens(&self) -> usize {
        self.seen.lock().unwrap().tokens.len()
    }

    /// How many edits were acknowledged up to now.
    pub fn edits(&self) -> usize {
        self.seen.lock().unwrap().edits.len()
    }

    /// Ends, and gives what was seen, of which no token may be too old.
    pub async fn end(self) -> Seen {
        self.over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        for (asked, number) in &seen.tokens {
            let counted = seen
                .edits
                .iter()
                .filter(|(_, known)| *known + BOUND <= *asked);
            let least = counted.map(|(number, _)| *number).max().unwrap_or(0);
            assert!(
                *number >= least,
                "room-{number} after edit {least} had counted"
            );
            assert!(*number <= seen.attempted);
        }
        seen
    }
}

/// Changes the mapping again and again, knowing its version or asking for it.
async fn edit(admin: Browser, id: String, seen: Arc<Mutex<Seen>>, over: Arc<AtomicBool>) {
    let path = format!("/api/admin/mappings/{id}");
    let mut version = None;
    let mut number = 0;
    while !over.load(Ordering::SeqCst) {
        sleep(PAUSE).await;
        let Some(known) = version.take() else {
            let found = admin.try_send("GET", &path, &[], "").await;
            version = found
                .filter(|found| found.status == 200)
                .map(|found| found.header("etag").to_owned());
            continue;
        };
        number += 1;
        seen.lock().unwrap().attempted = number;
        let answer = admin
            .try_api("PUT", &path, &[("if-match", &known)], &mapping(number))
            .await;
        if let Some(answer) = answer.filter(|answer| answer.status == 200) {
            seen.lock().unwrap().edits.push((number, Instant::now()));
            version = Some(answer.header("etag").to_owned());
        }
    }
}

async fn exchange(ann: Browser, seen: Arc<Mutex<Seen>>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        let asked = Instant::now();
        let answer = ann
            .try_api("POST", "/api/token", &[], &serde_json::json!({}))
            .await;
        note(&mut seen.lock().unwrap(), asked, answer);
        sleep(PAUSE).await;
    }
}

fn note(seen: &mut Seen, asked: Instant, answer: Option<Answer>) {
    match answer {
        Some(answer) if answer.status == 200 => {
            seen.tokens.push((asked, number_of(&answer.json())));
        }
        Some(answer) => {
            assert_eq!(answer.status, 503, "{}", answer.body);
            seen.without += 1;
        }
        None => seen.without += 1,
    }
}

/// A user without a mapped group gets no token, whatever is broken.
async fn never_a_token(noor: Browser, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        if let Some(answer) = noor
            .try_api("POST", "/api/token", &[], &serde_json::json!({}))
            .await
        {
            assert!(matches!(answer.status, 403 | 503), "{}", answer.body);
        }
        sleep(PAUSE).await;
    }
}

async fn sign_in(house: Arc<House>, seen: Arc<Mutex<Seen>>, over: Arc<AtomicBool>) {
    house.provider.person("newcomer").groups(["viewers"]);
    while !over.load(Ordering::SeqCst) {
        let mut browser = Browser::without_keep_alive(&house.front);
        if house.sign_in(&mut browser, "newcomer").await {
            seen.lock().unwrap().sign_ins += 1;
        }
        sleep(PAUSE * 5).await;
    }
}
