//! What every page has around its content: the way home, who is signed in,
//! a way to sign out, and the addresses of our own files.

use super::assets;

/// The head and the bar of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Path of the public URL without the slash at its end: empty, or `/red5`.
    pub base: String,
    pub person: Option<Person>,
}

/// The one who is signed in, as the bar of the page shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name, else username, else subject.
    pub name: String,
    /// Whether the administration is shown. Showing is all it decides: the
    /// guard of each route asks for itself.
    pub administrator: bool,
    /// Bound to the session; each form of a page sends it back.
    pub form_token: String,
}

impl Frame {
    /// Address of an embedded file; it changes with the file's content.
    pub(super) fn asset(&self, name: &str) -> String {
        format!("{}{}", self.base, assets::href(name))
    }

    /// The session's form token; empty without a session, which no
    /// guard accepts.
    pub(super) fn form_token(&self) -> &str {
        self.person.as_ref().map_or("", |person| &person.form_token)
    }

    /// Whether the user administers, as far as that is known now.
    pub fn is_administrator(&self) -> bool {
        self.person
            .as_ref()
            .is_some_and(|person| person.administrator)
    }

    pub fn home(&self) -> String {
        format!("{}/", self.base)
    }

    /// Where signing in begins at which the provider asks who it is, and does
    /// not take the one whom it knows already.
    pub(super) fn asking_who_href(&self) -> String {
        format!("{}/auth/login?as=somebody-else", self.base)
    }

    /// Where another person begins to sign in: over the provider's sign-out, where it is
    /// needed. Who is signed in stays so until the other one is, so there is none then.
    pub(super) fn somebody_else_href(&self) -> String {
        if self.person.is_some() {
            self.asking_who_href()
        } else {
            format!("{}/auth/somebody-else", self.base)
        }
    }

    /// Where signing in begins, coming back to `return_to` (a path within the
    /// public URL, as `/auth/login` checks it).
    pub(super) fn login_href(&self, return_to: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", return_to)
            .finish();
        format!("{}/auth/login?{query}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_return_address_cannot_leave_its_parameter() {
        let frame = Frame {
            base: "/red5".to_owned(),
            person: None,
        };
        assert_eq!(
            frame.login_href("/red5/admin/mappings?limit=5&offset=10#x"),
            "/red5/auth/login?return_to=%2Fred5%2Fadmin%2Fmappings%3Flimit%3D5%26offset%3D10%23x"
        );
    }

    #[test]
    fn without_a_person_there_is_no_form_token() {
        let frame = Frame {
            base: String::new(),
            person: None,
        };
        assert_eq!(frame.form_token(), "");
    }
}
