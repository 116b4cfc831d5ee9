//! The bridge as an authorization server (RFC 6749, RFC 9700): apps, services and encoders get the same tokens as the
//! session's cookie does, by the same exchange.
//!
//! 1. [`authorize`]: a person signs in, consents, and the client gets a code.
//! 2. [`token`]: the client authenticates and gets a token for the code, and later for a refresh token.
//! 3. [`refresh_token`]: what a refresh token is made of.
//! 4. [`device`]: a device without a browser gets its tokens by a code that a person types.
//! 5. [`clients`]: how administrators register clients.
//!
//! A code and a refresh token are bound to a session: that of the person's browser, or that of the device. They end with it,
//! so sign-out, termination, block and back-channel logout need nothing of their own here.

pub mod authorize;
pub mod clients;
pub mod device;
pub mod refresh_token;
pub mod token;
