//! What a provider may answer instead of a code (RFC 6749 §4.1.2.1, OpenID
//! Connect Core §3.1.2.6): a word, and what it means for the person. The text
//! that comes with it is nobody's to read: anybody can write into an address.

/// The provider's `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderError {
    /// What it means for the person.
    pub kind: ProviderErrorKind,
    /// A stable word for the log and for an administrator.
    pub code: &'static str,
}

/// What there is to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// The person, or a rule of the provider, said no.
    Declined,
    /// The person has something left to do at the provider.
    Unfinished,
    /// Later.
    Busy,
    /// The provider broke.
    Broken,
    /// The provider does not take what this bridge asks: the operator must act.
    Settings,
    /// A word of the provider's own.
    Unknown,
}

impl ProviderError {
    /// Of the parameter.
    pub fn parse(error: &str) -> Self {
        use ProviderErrorKind::{Broken, Busy, Declined, Settings, Unfinished, Unknown};
        let (kind, code) = match error {
            "access_denied" => (Declined, "provider_access_denied"),
            "login_required" => (Unfinished, "provider_login_required"),
            "consent_required" => (Unfinished, "provider_consent_required"),
            "interaction_required" => (Unfinished, "provider_interaction_required"),
            "account_selection_required" => (Unfinished, "provider_account_selection_required"),
            "temporarily_unavailable" => (Busy, "provider_temporarily_unavailable"),
            "server_error" => (Broken, "provider_server_error"),
            "invalid_request" => (Settings, "provider_invalid_request"),
            "invalid_scope" => (Settings, "provider_invalid_scope"),
            "unauthorized_client" => (Settings, "provider_unauthorized_client"),
            "unsupported_response_type" => (Settings, "provider_unsupported_response_type"),
            _ => (Unknown, "provider_error"),
        };
        Self { kind, code }
    }
}
