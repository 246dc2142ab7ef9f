//! Signatures of Standard Webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_core::webhook::WebhookSecret;
use ring::hmac::{HMAC_SHA256, Key, sign};

/// The prefix of a secret's text.
const PREFIX: &str = "whsec_";

/// The text of a secret, as receivers configure it.
pub(crate) fn secret_text(secret: &WebhookSecret) -> String {
    format!("{PREFIX}{}", STANDARD.encode(secret.expose()))
}

/// Parses the text of a secret.
pub(crate) fn secret_of(text: &str) -> Option<WebhookSecret> {
    WebhookSecret::new(&STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?)
}

/// The value of `webhook-signature`: one signature for each secret, separated by spaces.
pub(crate) fn signatures(secrets: &[WebhookSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let signature = |secret: &WebhookSecret| {
        let tag = sign(&Key::new(HMAC_SHA256, secret.expose()), &signed);
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    };
    secrets.iter().map(signature).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_that_of_the_published_example() {
        let secret = secret_of("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").expect("a secret");
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
        let expected = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        assert_eq!(signatures(std::slice::from_ref(&secret), id, 1_649_367_553, body), expected);
        let both = signatures(&[secret.clone(), secret], id, 1_649_367_553, body);
        assert_eq!(both, format!("{expected} {expected}"));
    }

    #[test]
    fn secret_is_read_back_and_has_its_length() {
        let secret = |length| format!("{PREFIX}{}", STANDARD.encode(vec![7; length]));
        for length in [24, 32, 64] {
            let read = secret_of(&secret(length)).expect("a secret");
            assert_eq!(secret_text(&read), secret(length));
        }
        for text in ["", "whsec_", &secret(23), &secret(65), &secret(32)[6..], "whsec_!!"] {
            assert_eq!(secret_of(text), None, "{text}");
        }
    }
}
