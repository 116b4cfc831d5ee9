//! The provider's tokens in rows, sealed for their purpose and their row.

use secrecy::{ExposeSecret, SecretString};

use crate::seal::{Seal, SealError};

/// Purpose: an ID token as hint for the provider's sign-out.
pub(super) const ID_TOKEN: &str = "id token of a session";

/// Purpose: a refresh token.
pub(super) const REFRESH_TOKEN: &str = "refresh token of a session";

/// Seals a token for the row with this key (a session's or a ticket's); it cannot be opened for
/// another row.
pub(super) fn seal_token(
    seal: &Seal,
    purpose: &str,
    row: &[u8; 32],
    token: &SecretString,
) -> Result<Vec<u8>, SealError> {
    seal.seal_for_row(purpose, row, token.expose_secret().as_bytes())
}

/// `None` if no key opens it, or if it was sealed for another purpose or row.
pub(super) fn open_token(
    seal: &Seal,
    purpose: &str,
    row: &[u8; 32],
    sealed: &[u8],
) -> Option<SecretString> {
    let bytes = seal.open_for_row(purpose, row, sealed).ok()?;
    String::from_utf8(bytes).ok().map(SecretString::from)
}
