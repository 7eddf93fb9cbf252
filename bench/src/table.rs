//! A table with one place for each descriptor: looking one up is one step.

use std::os::fd::RawFd;

/// Values by descriptor.
pub struct Table<T> {
    places: Vec<Option<T>>,
}

impl<T> Table<T> {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// The value of a descriptor.
    pub fn get_mut(&mut self, descriptor: RawFd) -> Option<&mut T> {
        self.places.get_mut(usize::try_from(descriptor).ok()?)?.as_mut()
    }

    /// All values.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }

    /// Puts a value, in place of an older one.
    pub fn insert(&mut self, descriptor: RawFd, value: T) {
        let Ok(index) = usize::try_from(descriptor) else { return };
        if index >= self.places.len() {
            self.places.resize_with(index + 1, || None);
        }
        self.places[index] = Some(value);
    }

    /// Takes a value out; a socket in it is closed when it is dropped.
    pub fn remove(&mut self, descriptor: RawFd) -> Option<T> {
        self.places.get_mut(usize::try_from(descriptor).ok()?)?.take()
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}
