//! Cursors for the pages of a list. They are encrypted and authenticated, so that a caller can neither read nor forge
//! one. All nodes of a cluster have the same service key, so each accepts the others' cursors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chinwag_core::{Error, Result};
use sha2::{Digest, Sha256};

use crate::key::{ServiceKey, is_same};

const SEAL: usize = 16;
/// The block size of the keystream, in bytes.
const BLOCK: usize = 32;
/// The maximum length of a position, in bytes: a number of a group, or a name of up to 64 characters and a number.
const MAX_POSITION_BYTES: usize = 9 * BLOCK;

/// Seals and opens cursors.
pub(crate) struct CursorSeal {
    seal: [u8; 32],
    veil: [u8; 32],
}

impl CursorSeal {
    pub(crate) fn new(key: &ServiceKey) -> Self {
        Self { seal: key.derive("cursor seal"), veil: key.derive("cursor veil") }
    }

    /// Seals a position in the list `list`, of at most [`MAX_POSITION_BYTES`] bytes.
    pub(crate) fn seal(&self, list: &str, place: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.seal_bytes(list, place))
    }

    /// Like [`CursorSeal::seal`], but returns bytes.
    pub(crate) fn seal_bytes(&self, list: &str, place: &[u8]) -> Vec<u8> {
        debug_assert!(place.len() <= MAX_POSITION_BYTES);
        let seal = self.sealed(list, place);
        let mut bytes = seal.to_vec();
        bytes.extend(self.veiled(&seal, place));
        bytes
    }

    /// The position in a cursor of the list `list`, parsed by `read`. Any other cursor is refused.
    pub(crate) fn place<P>(
        &self,
        list: &str,
        cursor: &str,
        read: impl FnOnce(&[u8]) -> Option<P>,
    ) -> Result<P> {
        let place = self.open(list, cursor).and_then(|bytes| read(&bytes));
        let why = || Error::field("cursor", "is not a cursor of this list: use the one in the Link header");
        place.ok_or_else(why)
    }

    /// The position in a cursor of the list `list`; `None` if the cursor was not sealed here.
    pub(crate) fn open(&self, list: &str, cursor: &str) -> Option<Vec<u8>> {
        self.open_bytes(list, &URL_SAFE_NO_PAD.decode(cursor).ok()?)
    }

    /// Like [`CursorSeal::open`], for bytes.
    pub(crate) fn open_bytes(&self, list: &str, cursor: &[u8]) -> Option<Vec<u8>> {
        let (seal, veiled) = cursor.split_first_chunk::<SEAL>()?;
        if veiled.len() > MAX_POSITION_BYTES {
            return None;
        }
        let place = self.veiled(seal, veiled);
        is_same(&self.sealed(list, &place), seal).then_some(place)
    }

    fn sealed(&self, list: &str, place: &[u8]) -> [u8; SEAL] {
        let hash = Sha256::new().chain_update(self.seal).chain_update(place).chain_update(list);
        let hash = Sha256::new().chain_update(self.seal).chain_update(hash.finalize()).finalize();
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&hash[..SEAL]);
        seal
    }

    /// Encrypts or decrypts a position by XOR with the keystream.
    fn veiled(&self, seal: &[u8; SEAL], place: &[u8]) -> Vec<u8> {
        let mut veiled = Vec::with_capacity(place.len());
        for (number, block) in (0_u8..).zip(place.chunks(BLOCK)) {
            let veil = Sha256::new().chain_update(self.veil).chain_update(seal);
            // The first block has no number, for compatibility with earlier versions, which had only one block.
            let veil = if number == 0 { veil } else { veil.chain_update([number]) }.finalize();
            veiled.extend(block.iter().zip(veil.iter()).map(|(byte, cover)| byte ^ cover));
        }
        veiled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursors(key: &str) -> CursorSeal {
        CursorSeal::new(&ServiceKey::parse(key).expect("long enough"))
    }

    #[test]
    fn a_cursor_is_opened_by_every_node_and_says_nothing() {
        let cursor = cursors("0123456789abcdef").seal("users", &7_i64.to_be_bytes());
        assert_eq!(cursors("0123456789abcdef").open("users", &cursor), Some(7_i64.to_be_bytes().to_vec()));
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("base 64");
        assert!(!bytes.windows(8).any(|window| window == 7_i64.to_be_bytes()));
    }

    #[test]
    fn a_forged_one_is_none() {
        let cursors = cursors("0123456789abcdef");
        let cursor = cursors.seal("users", &7_i64.to_be_bytes());
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("base 64");
        *bytes.last_mut().expect("not empty") ^= 1;
        let long = URL_SAFE_NO_PAD.encode([0; 100]);
        for forged in ["", "7", "!!", &cursor[1..], &URL_SAFE_NO_PAD.encode(&bytes), &long] {
            assert_eq!(cursors.open("users", forged), None, "{forged}");
        }
        assert_eq!(cursors.open("groups", &cursor), None, "another list's");
        let other = super::tests::cursors("fedcba9876543210");
        assert_eq!(other.open("users", &cursor), None, "another server's");
    }
}
