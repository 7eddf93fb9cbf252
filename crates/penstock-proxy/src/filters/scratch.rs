//! Memory that filters of one thread write into, so that none is allocated for a request.

use std::cell::RefCell;

/// Most memory kept between two uses.
const KEPT_BYTES: usize = 64 << 10;

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static TEXTS: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

/// Calls `use_it` with an empty buffer that keeps its memory from one call to the next.
///
/// A call within a call gets a buffer of its own.
pub(super) fn with_bytes<T>(use_it: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    BYTES.with(|kept| {
        let mut bytes = kept.try_borrow_mut().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
        bytes.clear();
        let result = use_it(&mut bytes);
        bytes.clear();
        bytes.shrink_to(KEPT_BYTES);
        if let Ok(mut kept) = kept.try_borrow_mut() {
            *kept = bytes;
        }
        result
    })
}

/// Calls `use_it` with two empty texts that keep their memory from one call to the next.
pub(super) fn with_texts<T>(use_it: impl FnOnce(&mut String, &mut String) -> T) -> T {
    TEXTS.with(|kept| {
        let (mut one, mut other) = kept.try_borrow_mut().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
        let result = use_it(&mut one, &mut other);
        for text in [&mut one, &mut other] {
            text.clear();
            text.shrink_to(KEPT_BYTES);
        }
        if let Ok(mut kept) = kept.try_borrow_mut() {
            *kept = (one, other);
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_kept_and_a_nested_call_has_its_own() {
        let first = with_bytes(|bytes| {
            bytes.extend_from_slice(b"outer");
            with_bytes(|inner| assert!(inner.is_empty()));
            assert_eq!(bytes, b"outer");
            bytes.reserve(1000);
            bytes.capacity()
        });
        with_bytes(|bytes| assert_eq!((bytes.len(), bytes.capacity()), (0, first)));
    }
}
