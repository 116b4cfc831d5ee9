//! How a provider is made to ask who signs in (`prompt`, OpenID Connect Core §3.1.2.1).

/// Google announces nothing and knows `select_account` alone.
const GOOGLE: &str = "https://accounts.google.com";

/// The provider shows whom it knows and asks for one of them, or for another.
pub(super) const SELECT_ACCOUNT: &str = "select_account";

/// The value of `prompt` for a sign-in with another account. Of a value that they do
/// not know some providers make an error, so it is `select_account` where that is
/// announced (Initiating User Registration via OpenID Connect 1.0), and else
/// `login`, which nearly all know and many know alone.
pub(super) fn asking_who(announced: Option<Vec<String>>, issuer: &str) -> &'static str {
    let mut announced = announced.into_iter().flatten();
    if issuer == GOOGLE || announced.any(|word| word == SELECT_ACCOUNT) {
        SELECT_ACCOUNT
    } else {
        "login"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signs_in_is_asked_with_a_word_that_the_provider_knows() {
        let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
        let word = |announced| asking_who(announced, "https://id.example.com");
        assert_eq!(word(words(&["none", "login"])), "login");
        assert_eq!(word(words(&["login", "select_account"])), "select_account");
        assert_eq!(word(words(&[])), "login");
        assert_eq!(word(None), "login");
        assert_eq!(asking_who(None, GOOGLE), "select_account");
    }
}
