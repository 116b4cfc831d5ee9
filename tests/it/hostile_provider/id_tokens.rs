//! ID tokens that are wrong (ID-1 to ID-15), all of the table and what needs more than a token.
//!
//! `max_age` is never asked for, so no `auth_time` can be wrong (ID-12): the last test here sees that
//! it is not asked for, and that no sign-in is refused for what it is.

use serde_json::json;

use super::id_token_faults::{self, Fault};
use super::{Case, NOT_BELIEVED, Siege, TOO_LARGE, ann, case, try_to_sign_in};
use crate::provider::{Endpoint, Key};

fn cases(faults: Vec<Fault>) -> Vec<Case> {
    let faults = faults.into_iter();
    let case = |Fault { name, flaw, bend }| {
        case(format!("{name} ({flaw})"), move |provider| {
            provider.next_id_token(bend);
        })
    };
    faults.map(case).collect()
}

#[tokio::test]
async fn id_1_and_id_2_no_signature_but_the_right_one_signs_in() {
    let siege = Siege::lay(ann).await;
    let faults = id_token_faults::signatures();
    siege.withstands(NOT_BELIEVED, cases(faults)).await;
}

#[tokio::test]
async fn id_1_an_elliptic_signature_in_another_form_starts_no_session() {
    let siege = Siege::lay(|provider| {
        ann(provider);
        provider.use_key(&Key::es256("es-1", 1));
    })
    .await;
    let faults = id_token_faults::elliptic_signatures();
    siege.withstands(NOT_BELIEVED, cases(faults)).await;
}

#[tokio::test]
async fn id_3_to_id_10_a_wrong_claim_starts_no_session() {
    let siege = Siege::lay(ann).await;
    let issuer = siege.bridge.provider.issuer().to_owned();
    let mut cases = cases(id_token_faults::claims(&issuer));
    cases.push(case(
        "ID-9: the access token of another answer",
        |provider| {
            provider.next_token_answer(|answer| answer.set("access_token", "of-another-person"));
        },
    ));
    siege.withstands(NOT_BELIEVED, cases).await;
}

#[tokio::test]
async fn id_10_to_id_15_a_malformed_id_token_starts_no_session() {
    let siege = Siege::lay(ann).await;
    let place = format!("{}/keys-of-eve", siege.bridge.provider.issuer());
    let faults = id_token_faults::forms(&place);
    siege.withstands(NOT_BELIEVED, cases(faults)).await;
}

#[tokio::test]
async fn id_15_an_id_token_over_64_kb_is_refused_and_the_page_says_what_helps() {
    let siege = Siege::lay(ann).await;
    let faults = id_token_faults::too_large();
    siege.withstands(TOO_LARGE, cases(faults)).await;
}

#[tokio::test]
async fn id_12_no_age_of_the_sign_in_is_asked_for_and_none_is_compared() {
    let siege = Siege::lay(ann).await;
    let provider = &siege.bridge.provider;
    for auth_time in [json!(1), json!(1.5), json!("then"), json!(null)] {
        ann(provider);
        provider.next_id_token(|token| token.claim("auth_time", auth_time).claim("acr", 0));
        let signed_in = try_to_sign_in(provider, &mut siege.bridge.browser()).await;
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    }
    let asked = provider.last(Endpoint::Authorize).query;
    assert!(!asked.contains_key("max_age") && !asked.contains_key("acr_values"));
}
