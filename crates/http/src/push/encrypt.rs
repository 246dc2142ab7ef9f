//! Encryption of payloads: `aes128gcm` (RFC 8188) with the keys of Web Push (RFC 8291), as a single record.

use chinwag_core::push::DeviceKeys;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::SystemRandom;

/// The length of the random salt, in bytes.
pub(super) const SALT: usize = 16;
/// The record size. A payload is one record.
const RECORD: u32 = 4096;
/// The padding delimiter of the last record.
const LAST: u8 = 2;

/// Whether payloads can be encrypted with these keys: a valid point on P-256, and 16 bytes.
pub(crate) fn are_valid(keys: &DeviceKeys) -> bool {
    keys.secret.len() == 16 && encrypt(keys, [0; SALT], b"").is_ok()
}

/// Encrypts a payload with an ephemeral key pair.
pub(super) fn encrypt(keys: &DeviceKeys, salt: [u8; SALT], payload: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
    let public = own.compute_public_key()?;
    let other = UnparsedPublicKey::new(&ECDH_P256, &keys.public);
    let sealed = agree_ephemeral(own, &other, |shared| seal(shared, keys, public.as_ref(), salt, payload));
    sealed?
}

/// The header, followed by the encrypted payload.
fn seal(
    shared: &[u8],
    keys: &DeviceKeys,
    public: &[u8],
    salt: [u8; SALT],
    payload: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let by_secret = Salt::new(HKDF_SHA256, &keys.secret).extract(shared);
    let mut material = [0; 32];
    expand(&by_secret, &[b"WebPush: info\0", &keys.public, public], &mut material)?;
    let by_salt = Salt::new(HKDF_SHA256, &salt).extract(&material);
    let (mut key, mut nonce) = ([0; 16], [0; 12]);
    expand(&by_salt, &[b"Content-Encoding: aes128gcm\0"], &mut key)?;
    expand(&by_salt, &[b"Content-Encoding: nonce\0"], &mut nonce)?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let mut record = [payload, &[LAST]].concat();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)?;
    let length = u8::try_from(public.len()).map_err(|_| Unspecified)?;
    Ok([salt.as_slice(), &RECORD.to_be_bytes(), &[length], public, &record].concat())
}

/// The length of the HKDF output.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(key: &Prk, info: &[&[u8]], out: &mut [u8]) -> Result<(), Unspecified> {
    key.expand(info, Length(out.len()))?.fill(out)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    /// The keys of the example in RFC 8291.
    fn example() -> DeviceKeys {
        let public =
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        DeviceKeys { public: bytes(public), secret: bytes("BTBZMqHH6r4Tts7J_aSIgg") }
    }

    #[test]
    fn sealed_payload_is_that_of_the_standards_example() {
        let shared = bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let own = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().expect("16 bytes");
        let text = b"When I grow up, I want to be a watermelon";
        let sealed = seal(&shared, &example(), &bytes(own), salt, text).expect("sealed");
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(sealed), expected);
    }

    #[test]
    fn longest_payload_fills_what_push_services_take() {
        let payload = vec![b'a'; chinwag_core::push::PAYLOAD_BYTES];
        assert_eq!(encrypt(&example(), [7; SALT], &payload).expect("encrypted").len(), 4096);
    }

    #[test]
    fn keys_that_are_no_point_or_too_short_are_refused() {
        assert!(are_valid(&example()));
        let mut off_the_curve = example();
        off_the_curve.public[64] ^= 1;
        assert!(!are_valid(&off_the_curve));
        assert!(!are_valid(&DeviceKeys { public: vec![4; 65], ..example() }));
        assert!(!are_valid(&DeviceKeys { public: Vec::new(), ..example() }));
        assert!(!are_valid(&DeviceKeys { secret: vec![1; 15], ..example() }));
    }
}
