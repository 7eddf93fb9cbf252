//! Texts sealed with a key: who has not the key can neither read nor change them. AES-256-GCM.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Seals a text for a purpose, which has to be named again to open it; nothing if the key is not one.
///
/// Shape: a nonce, what is enciphered, and its tag. The nonce is random: one key is good for some 2^32 texts.
#[must_use]
pub fn seal(key: &[u8], purpose: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let mut body = text.to_vec();
    let nonce = key.seal_in_place_append_tag(Aad::from(purpose), &mut body).ok()?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + body.len());
    sealed.extend_from_slice(nonce.as_ref());
    sealed.append(&mut body);
    Some(sealed)
}

/// The text that was sealed with a key for a purpose; nothing if it was not.
#[must_use]
pub fn open(key: &[u8], purpose: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let mut body = body.to_vec();
    Some(key.open_in_place(nonce, Aad::from(purpose), &mut body).ok()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

    #[test]
    fn what_is_sealed_is_opened_with_the_same_key_and_purpose_alone() {
        for text in [&b""[..], b"a", &[0xFF; 5000]] {
            let sealed = seal(&KEY, b"name", text).unwrap();
            assert_eq!(open(&KEY, b"name", &sealed).as_deref(), Some(text));
            assert_eq!(open(&[8; KEY_BYTES], b"name", &sealed), None);
            assert_eq!(open(&KEY, b"other", &sealed), None);
        }
    }

    #[test]
    fn a_sealed_text_does_not_show_what_it_holds_nor_that_it_is_the_same() {
        let sealed = seal(&KEY, b"", b"a secret that is long enough").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, seal(&KEY, b"", b"a secret that is long enough").unwrap());
    }

    #[test]
    fn what_was_changed_or_cut_is_not_opened() {
        let sealed = seal(&KEY, b"", b"text").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&KEY, b"", &changed), None);
            assert_eq!(open(&KEY, b"", &sealed[..at]), None);
        }
    }

    #[test]
    fn what_is_no_key_seals_nothing() {
        assert_eq!(seal(b"short", b"", b"text"), None);
        assert_eq!(open(b"short", b"", &[0; 40]), None);
    }
}
