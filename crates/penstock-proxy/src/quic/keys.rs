//! Keys that all workers share, so that one can speak for another that is gone.

use std::sync::Arc;

use aws_lc_rs::{hkdf, hmac, rand};
use quinn_proto::crypto::{HandshakeTokenKey, HmacKey};

/// What each key is for.
const RESETS: &[u8] = b"stateless resets";
const TOKENS: &[u8] = b"retry tokens";

/// The keys of a gateway.
pub(crate) struct Keys {
    /// Proves to a client that its connection is gone (RFC 9000, section 10.3.2).
    pub(crate) resets: Arc<dyn HmacKey>,
    /// Proves to us that a client is where it says (RFC 9000, section 8.1.2).
    pub(crate) tokens: Arc<dyn HandshakeTokenKey>,
}

impl Keys {
    /// Keys made of a secret; of none, they are this process's alone.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn new(secret: Option<[u8; 32]>) -> Result<Self, String> {
        let secret = secret.map_or_else(random, Ok)?;
        let resets = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), RESETS);
        Ok(Self {
            resets: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, resets.as_ref())),
            tokens: Arc::new(hkdf::Salt::new(hkdf::HKDF_SHA256, TOKENS).extract(&secret)),
        })
    }
}

fn random() -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| "no random bytes".to_owned())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(keys: &Keys) -> [u8; 32] {
        let mut out = [0; 32];
        keys.resets.sign(b"a connection", &mut out);
        out
    }

    #[test]
    fn workers_of_one_secret_have_the_same_keys_and_others_have_not() {
        let [one, other, foreign] = [1, 1, 2].map(|byte| Keys::new(Some([byte; 32])).unwrap());
        assert_eq!(signature(&one), signature(&other));
        assert_ne!(signature(&one), signature(&foreign));
        let sealed = |keys: &Keys| {
            let mut text = b"token".to_vec();
            keys.tokens.aead_from_hkdf(b"nonce").seal(&mut text, b"").unwrap();
            text
        };
        assert_eq!(sealed(&one), sealed(&other));
        assert_ne!(sealed(&one), sealed(&foreign));
    }

    #[test]
    fn keys_without_a_secret_are_nobody_elses() {
        let [one, other] = [(); 2].map(|()| Keys::new(None).unwrap());
        assert_ne!(signature(&one), signature(&other));
    }
}
