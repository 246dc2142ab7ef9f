//! JWTs with one defect each.

use chinwag_testkit::jwt::{Host, SECRET, encode, hmac};
use serde_json::{Value, json};

use crate::text;
use crate::tokens::{ALGORITHMS, claims, seconds};

/// The defect, and the token.
type Wrong = (String, String);

/// All invalid tokens. The thief has its own keys and serves them at the URL `trap`.
pub(crate) fn tokens(host: &Host, thief: &Host, trap: &str) -> Vec<Wrong> {
    [algorithms(host), stolen(thief, trap), kids(host, trap), times_and_names(host), forms(host)].concat()
}

fn wrong(why: &str, token: String) -> Wrong {
    (why.to_owned(), token)
}

/// The claims of a valid token with one changed or removed.
fn with(key: &str, value: &Value) -> Value {
    let mut claims = claims("ann");
    claims[key] = value.clone();
    if *value == json!("absent") {
        claims.as_object_mut().expect("claims").remove(key);
    }
    claims
}

fn algorithms(host: &Host) -> Vec<Wrong> {
    let mut tokens = Vec::new();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        tokens.push(wrong("alg none", host.sign(&json!({ "alg": none, "typ": "JWT" }), &claims("ann"))));
    }
    for algorithm in ["HS384", "RS512", "PS256", "ES384", "ES256K"] {
        tokens.push(wrong("an algorithm that is not taken", host.token(algorithm, &claims("ann"))));
    }
    let header = json!({ "alg": "HS256", "kid": "rsa" });
    let swapped = format!("{}.{}", encode(header.to_string()), encode(claims("ann").to_string()));
    let der = host.rsa_public();
    let jwk = &host.jwks()["keys"][0];
    let (modulus, document, encoded) = (text(&jwk["n"]), jwk.to_string(), encode(&der));
    for key in [&der[..], encoded.as_bytes(), document.as_bytes(), modulus.as_bytes(), b""] {
        tokens.push(wrong("the public key as a shared secret", hmac(key, &swapped)));
    }
    tokens
}

fn stolen(thief: &Host, trap: &str) -> Vec<Wrong> {
    let mut tokens = Vec::new();
    for (algorithm, key) in [("ES256", &thief.jwks()["keys"][1]), ("EdDSA", &thief.jwks()["keys"][2])] {
        tokens.push(wrong("the key of a thief", thief.token(algorithm, &claims("ann"))));
        for kid in [json!("theirs"), key["kid"].clone()] {
            let header = json!({ "alg": algorithm, "jwk": key, "jku": trap, "x5u": trap, "kid": kid });
            tokens.push(wrong("a key of its own", thief.sign(&header, &claims("ann"))));
        }
    }
    tokens
}

fn kids(host: &Host, trap: &str) -> Vec<Wrong> {
    let long = "k".repeat(3000);
    let kids = [
        json!("unknown"),
        json!(""),
        json!("../../../../dev/null"),
        json!("file:///dev/null"),
        json!(trap),
        json!("' OR 1=1 --"),
        json!("ec\u{0}"),
        json!("ec\r\nX: y"),
        json!("\u{1b}[2J"),
        json!("%00"),
        json!("Ec"),
        json!(long),
        json!("ed"),
        json!(7),
        json!(["ec"]),
        json!({ "kid": "ec" }),
    ];
    let token = |kid| host.sign(&json!({ "alg": "ES256", "kid": kid }), &claims("ann"));
    kids.into_iter().map(|kid| wrong(&format!("the kid {kid}"), token(kid))).collect()
}

fn times_and_names(host: &Host) -> Vec<Wrong> {
    let wrongs = [
        ("wrong aud", "aud", json!("elsewhere")),
        ("no aud", "aud", json!("absent")),
        ("wrong iss", "iss", json!("the hostess")),
        ("no iss", "iss", json!("absent")),
        ("no exp", "exp", json!("absent")),
        ("exp as a string", "exp", json!(seconds(600).to_string())),
        ("exp of no kind", "exp", json!({ "at": seconds(600) })),
        ("expired", "exp", json!(seconds(-2))),
        ("expired long ago", "exp", json!(-1)),
        ("nbf to come", "nbf", json!(seconds(300))),
        ("nbf as a string", "nbf", json!("0")),
        ("no sub", "sub", json!("absent")),
    ];
    let mut tokens = Vec::new();
    for algorithm in ALGORITHMS {
        for (why, key, value) in &wrongs {
            tokens.push(wrong(&format!("{algorithm}: {why}"), host.token(algorithm, &with(key, value))));
        }
    }
    for name in ["no such user", "", "a b", "admin", "system", "ann\n", "Ann", &"x".repeat(140)] {
        tokens.push(wrong("a sub that is nobody", host.token("HS256", &with("sub", &json!(name)))));
    }
    tokens.push(wrong("a sub of another type", host.token("HS256", &with("sub", &json!(["ann"])))));
    tokens
}

fn forms(host: &Host) -> Vec<Wrong> {
    let mut tokens = Vec::new();
    for algorithm in ALGORITHMS {
        let good = host.token(algorithm, &claims("ann"));
        let parts: Vec<_> = good.split('.').collect();
        let other = encode(claims("bob").to_string());
        tokens.push(wrong("another's claims", format!("{}.{other}.{}", parts[0], parts[2])));
        tokens.push(wrong("no signature", format!("{}.{}.", parts[0], parts[1])));
        tokens.push(wrong("a part too few", format!("{}.{}", parts[0], parts[1])));
        tokens.push(wrong("a part too many", format!("{good}.{}", parts[2])));
    }
    let critical = json!({ "alg": "HS256", "crit": ["b64"], "b64": false });
    tokens.push(wrong("something critical", host.sign(&critical, &claims("ann"))));
    let long = with("more", &json!("x".repeat(8000)));
    tokens.push(wrong("too long", host.token("HS256", &long)));
    let no_json = format!("{}.{}", encode("{"), encode("{"));
    tokens.push(wrong("no JSON", hmac(SECRET.as_bytes(), &no_json)));
    tokens.push(wrong("nothing", "..".into()));
    tokens.push(wrong("no base 64", "!!!.???.###".into()));
    tokens
}
