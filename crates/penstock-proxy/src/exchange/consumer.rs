//! Who a request comes from, once that is known.

/// Somebody who is known by a key, and the groups that they belong to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Consumer {
    /// The resource's name.
    pub name: Box<str>,
    /// The names of its groups.
    pub groups: Box<[Box<str>]>,
}

impl Consumer {
    /// The name of a group, if it belongs to it.
    pub fn group(&self, name: &str) -> Option<&str> {
        self.groups.iter().map(|group| &**group).find(|group| *group == name)
    }
}
