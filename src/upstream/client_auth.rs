//! How this client shows at the token endpoint who it is.

use super::error::Outage;

/// One of the ways of RFC 6749 §2.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuth {
    /// No secret: `client_id` in the form.
    Public,
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// Discovery §3: a document that does not say takes `client_secret_basic`.
///
/// # Errors
/// When the provider takes nothing that this client has.
pub(super) fn client_auth(
    has_secret: bool,
    methods: Option<&[String]>,
) -> Result<ClientAuth, Outage> {
    let takes = |word: &str| methods.is_some_and(|methods| methods.iter().any(|m| m == word));
    if !has_secret {
        Ok(ClientAuth::Public)
    } else if methods.is_none() || takes("client_secret_basic") {
        Ok(ClientAuth::Basic)
    } else if takes("client_secret_post") {
        Ok(ClientAuth::Post)
    } else {
        Err(Outage::ClientAuthentication)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_authenticates_as_the_provider_can() {
        let words = |words: &[&str]| words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>();
        let (basic, post) = ("client_secret_basic", "client_secret_post");
        assert_eq!(client_auth(true, None), Ok(ClientAuth::Basic));
        assert_eq!(
            client_auth(true, Some(&words(&[post, basic]))),
            Ok(ClientAuth::Basic)
        );
        assert_eq!(
            client_auth(true, Some(&words(&[post]))),
            Ok(ClientAuth::Post)
        );
        assert_eq!(
            client_auth(true, Some(&words(&["private_key_jwt"]))),
            Err(Outage::ClientAuthentication)
        );
        assert_eq!(
            client_auth(true, Some(&[])),
            Err(Outage::ClientAuthentication)
        );
        assert_eq!(
            client_auth(false, Some(&words(&[basic]))),
            Ok(ClientAuth::Public)
        );
    }
}
