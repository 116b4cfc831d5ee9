use secrecy::SecretBox;

use super::*;
use crate::flow::return_to::ReturnToRule;

const STATE: &str = "state";

fn seal_of(key: u8) -> Seal {
    Seal::new(&[SecretBox::new(Box::new([key; 32]))]).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

fn place(path: &str) -> ReturnTo {
    let rule = ReturnToRule::new("https://bridge.example/", Vec::new());
    rule.unwrap().check(path, |_| false).unwrap()
}

fn sealed(state: &str) -> SealedAttempt {
    let secrets = AttemptSecrets {
        nonce: "the nonce".into(),
        verifier: "the verifier".into(),
    };
    let attempt = Attempt {
        state: state.to_owned(),
        secrets,
    };
    seal(&seal_of(1), &attempt, (&place("/play"), None), at(0)).unwrap()
}

#[test]
fn an_attempt_comes_back_as_it_was_sealed() {
    let attempt = sealed(STATE);
    assert_eq!(attempt.label, label(STATE));
    let opened = open(&seal_of(1), &attempt.value, STATE, at(5)).unwrap();
    assert_eq!(opened.id, digest(STATE));
    assert_eq!(opened.secrets.nonce.expose_secret(), "the nonce");
    assert_eq!(opened.secrets.verifier.expose_secret(), "the verifier");
    assert_eq!(opened.return_to, "https://bridge.example/play");
    assert_eq!(opened.begun_at, at(0));
    let begun = begun_at(&seal_of(1), &attempt.value);
    assert_eq!(begun, Some(at(0).timestamp()));
}

#[test]
fn two_states_have_two_labels_and_two_digests() {
    assert_ne!(label("a"), label("b"));
    assert_ne!(digest("a"), digest("b"));
    assert!(is_label(&label("a")));
}

#[test]
fn cb_1_an_attempt_of_another_state_or_key_or_no_attempt_at_all_is_foreign() {
    let attempt = sealed(STATE);
    let foreign = |seal: &Seal, value: &str, state: &str| {
        let refused = open(seal, value, state, at(5)).unwrap_err();
        assert_eq!(refused, AttemptError::Foreign, "{value} {state}");
    };
    foreign(&seal_of(1), &attempt.value, "stat");
    foreign(&seal_of(1), &attempt.value, "");
    foreign(&seal_of(2), &attempt.value, STATE);
    foreign(&seal_of(1), "", STATE);
    foreign(&seal_of(1), "no base64!", STATE);
    assert_eq!(begun_at(&seal_of(2), &attempt.value), None);
    // Sealed for something else with the same key.
    let mark = mark(&seal_of(1), &place("/play"), at(0)).unwrap();
    foreign(&seal_of(1), &mark, STATE);
}

#[test]
fn cb_3_an_attempt_is_good_for_ten_minutes_to_the_second() {
    let attempt = sealed(STATE);
    let expired = AttemptError::Expired {
        return_to: "https://bridge.example/play".to_owned(),
    };
    let mark = mark(&seal_of(1), &place("/play"), at(0)).unwrap();
    let mark = marked(&seal_of(1), &format!("random.{mark}")).unwrap();
    for (seconds, good) in [
        // The clock of another instance may be behind by a minute.
        (-61, false),
        (-60, true),
        (0, true),
        (599, true),
        (600, false),
        (86_400, false),
    ] {
        let opened = open(&seal_of(1), &attempt.value, STATE, at(seconds));
        match opened {
            Ok(_) => assert!(good, "{seconds}"),
            Err(refused) => assert_eq!((refused, good), (expired.clone(), false), "{seconds}"),
        }
        assert_eq!(mark.is_young(at(seconds)), good, "{seconds}");
    }
}

#[test]
fn a_mark_says_when_and_where_to_unless_that_is_long() {
    let state = |path: &str| {
        let mark = mark(&seal_of(1), &place(path), at(7)).unwrap();
        format!("random.{mark}")
    };
    let home = "https://bridge.example/";
    let rest = MARKED_RETURN_TO_MAX_BYTES - home.len();
    let longest = format!("/{}", "a".repeat(rest));
    for (path, kept) in [
        ("/play", Some("https://bridge.example/play".to_owned())),
        (&longest, Some(format!("{home}{}", "a".repeat(rest)))),
        (&format!("{longest}a"), None),
    ] {
        let read = marked(&seal_of(1), &state(path)).unwrap();
        assert_eq!((read.begun_at, read.return_to), (at(7), kept));
    }
    let good = state("/play");
    assert_eq!(marked(&seal_of(2), &good), None);
    assert_eq!(marked(&seal_of(1), &good.replace('.', "")), None);
    assert_eq!(marked(&seal_of(1), "random."), None);
    assert_eq!(marked(&seal_of(1), ""), None);
    // An attempt is no mark.
    assert_eq!(
        marked(&seal_of(1), &format!("random.{}", sealed(STATE).value)),
        None
    );
}
