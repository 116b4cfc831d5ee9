//! The ways to stop a user, each by the first instance.

use serde_json::json;

use super::House;
use crate::bridge::Browser;
use crate::eventually::eventually;

#[derive(Clone, Copy, Debug)]
pub enum Stop {
    SignOut,
    Termination,
    Block,
    LogoutToken,
}

impl Stop {
    pub const ALL: [Self; 4] = [
        Self::SignOut,
        Self::Termination,
        Self::Block,
        Self::LogoutToken,
    ];

    /// Ends what Ann has, who is at the first instance.
    pub async fn stop(self, house: &House, admin: &Browser, mut ann: Browser) {
        match self {
            Self::SignOut => {
                let left = ann.submit("/", "/auth/logout", &[]).await;
                assert_eq!(left.status, 303, "{}", left.body);
            }
            Self::Termination => {
                let found = admin.peek("/api/admin/sessions?person=ann").await.json();
                let id = found["items"][0]["id"].as_str().unwrap().to_owned();
                let session = format!("/api/admin/sessions/{id}");
                let ended = admin.api("DELETE", &session, &json!({})).await;
                assert_eq!(ended.status, 204, "{}", ended.body);
            }
            Self::Block => {
                let issuer = house.provider.issuer();
                let block = json!({"issuer": issuer, "subject": "ann", "reason": "Now."});
                let blocked = admin.api("POST", "/api/admin/blocks", &block).await;
                assert_eq!(blocked.status, 201, "{}", blocked.body);
            }
            Self::LogoutToken => {
                let sid = house.provider.person("ann").claimed("sid");
                let token = house.provider.logout_token(|token| token.claim("sid", sid));
                let kind = [("content-type", "application/x-www-form-urlencoded")];
                let body = format!("logout_token={token}");
                let sent = ann.send("POST", "/auth/backchannel-logout", &kind, &body);
                let answer = sent.await;
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        }
    }

    /// Ann can sign in again.
    pub async fn lift(self, house: &House, admin: &Browser) {
        if !matches!(self, Self::Block) {
            return;
        }
        let person = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("issuer", house.provider.issuer())
            .append_pair("subject", "ann")
            .finish();
        let block = format!("/api/admin/blocks?{person}");
        let lifted = admin.api("DELETE", &block, &json!({})).await;
        assert_eq!(lifted.status, 204, "{}", lifted.body);
    }
}

/// Ann with a new session, which the provider calls `sid`, at either instance; the second
/// serves her.
pub async fn signed_in(house: &House, sid: u64) -> [Browser; 2] {
    let ann = house.provider.person("ann");
    ann.groups(["viewers"]);
    ann.claim("sid", sid.to_string());
    let browser = house.signed_in("ann").await;
    let at = house
        .bridges
        .each_ref()
        .map(|bridge| browser.clone().at(&bridge.address));
    eventually("she is served", async || {
        at[1].token(json!({})).await.status == 200
    })
    .await;
    at
}
