//! Header names that filters use, looked at once: a filter's own text is the same object in every call.

use std::cell::RefCell;

use penstock_proxy::exchange::Name;
use pyo3::types::{PyAnyMethods, PyString, PyStringMethods};
use pyo3::{Bound, Py, PyResult};

use super::field::check_name;

/// Names kept; a further one takes the place of another.
const SLOTS: usize = 64;
/// Longest name that is kept.
const LONGEST: usize = 64;

/// A header's name and what is known of it.
pub(super) struct FieldText {
    /// Token of the name.
    pub(super) token: Name,
    /// The name as the filter wrote it.
    pub(super) bytes: Box<[u8]>,
    is_writable: bool,
}

impl FieldText {
    /// Looks at a name.
    ///
    /// # Errors
    /// `UnicodeEncodeError` if it has half a surrogate pair.
    pub(super) fn of(name: &Bound<'_, PyString>) -> PyResult<Self> {
        let text = name.to_str()?;
        Ok(Self {
            token: Name::of(text.as_bytes()),
            bytes: text.as_bytes().into(),
            is_writable: check_name(text).is_ok(),
        })
    }

    /// Checks that a filter may change the header (J9).
    ///
    /// # Errors
    /// `ValueError` if not.
    pub(super) fn check_writable(&self) -> PyResult<()> {
        if self.is_writable { Ok(()) } else { check_name(&String::from_utf8_lossy(&self.bytes)) }
    }
}

/// Names by the place of their Python objects, which are kept alive so that the place stays theirs.
pub(super) struct Names(RefCell<[Option<Known>; SLOTS]>);

struct Known {
    object: Py<PyString>,
    text: FieldText,
}

impl Names {
    pub(super) fn new() -> Self {
        Self(RefCell::new([const { None }; SLOTS]))
    }

    /// Uses what is known of a name.
    ///
    /// # Errors
    /// What `use_it` says, and what [`FieldText::of`] does.
    pub(super) fn with<R>(
        &self,
        name: &Bound<'_, PyString>,
        use_it: impl FnOnce(&FieldText) -> PyResult<R>,
    ) -> PyResult<R> {
        let mut slots = self.0.borrow_mut();
        let place = name.as_ptr() as usize;
        let Some(slot) = slots.get_mut((place >> 4 ^ place >> 10) % SLOTS) else {
            return use_it(&FieldText::of(name)?);
        };
        match slot {
            Some(known) if known.object.as_ptr() == name.as_ptr() => use_it(&known.text),
            _ => {
                let text = FieldText::of(name)?;
                let result = use_it(&text);
                // An instance of a class of the filter's own might hold anything.
                if text.bytes.len() <= LONGEST && name.is_exact_instance_of::<PyString>() {
                    *slot = Some(Known { object: name.clone().unbind(), text });
                }
                result
            }
        }
    }
}
