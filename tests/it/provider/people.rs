//! Who can sign in.

use serde_json::{Value, json};

use super::Provider;
use super::script::Person;

/// Describes one person.
pub struct PersonScript<'a> {
    pub(super) provider: &'a Provider,
    pub(super) name: String,
}

impl PersonScript<'_> {
    /// Their `groups`, in the ID token and at userinfo.
    pub fn groups<const N: usize>(&self, groups: [&str; N]) -> &Self {
        self.claim("groups", json!(groups.as_slice()))
    }

    /// A claim in the ID token and at userinfo.
    pub fn claim(&self, name: &str, value: impl Into<Value>) -> &Self {
        self.edit(|person| person.claims[name] = value.into())
    }

    /// What a claim is now.
    pub fn claimed(&self, name: &str) -> Value {
        self.provider.script().people[&self.name].claims[name].clone()
    }

    /// A claim that only userinfo tells.
    pub fn userinfo_claim(&self, name: &str, value: impl Into<Value>) -> &Self {
        self.edit(|person| person.only_userinfo[name] = value.into())
    }

    /// Takes a claim away again.
    pub fn without(&self, name: &str) -> &Self {
        self.edit(|person| {
            for claims in [&mut person.claims, &mut person.only_userinfo] {
                claims.as_object_mut().unwrap().remove(name);
            }
        })
    }

    fn edit(&self, change: impl FnOnce(&mut Person)) -> &Self {
        change(self.provider.script().people.get_mut(&self.name).unwrap());
        self
    }
}
