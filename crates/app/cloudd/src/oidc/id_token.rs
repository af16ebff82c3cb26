//! Whether an ID token is to be believed (OpenID Connect Core 1.0, 3.1.3.7): its signature first, then each claim.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far the provider's clock and ours may differ, seconds.
const SKEW_S: i64 = 60;
/// The longest token taken, bytes.
const LONGEST: usize = 32 * 1024;

/// A public key as the provider publishes it (RFC 7517); those that we cannot use are left out when a token is checked.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Key {
    #[serde(default)]
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// UTC, seconds since the Unix epoch.
    pub(super) now_s: i64,
}

/// What a believed token says.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) sub: String,
    all: Map<String, Value>,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Wrong {
    #[error("it is not a signed token")]
    Form,
    #[error("its algorithm is none of RS256, PS256, ES256 and EdDSA")]
    Algorithm,
    #[error("none of the provider's keys made its signature")]
    Signature,
    #[error("it is another issuer's")]
    Issuer,
    #[error("it is for another client")]
    Audience,
    #[error("it has expired, or is from the future")]
    Time,
    #[error("it answers another log-in")]
    Nonce,
    #[error("it does not say who it is for")]
    Subject,
}

impl Wrong {
    /// For programs.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Form => "id_token_form",
            Self::Algorithm => "id_token_algorithm",
            Self::Signature => "id_token_signature",
            Self::Issuer => "id_token_issuer",
            Self::Audience => "id_token_audience",
            Self::Time => "id_token_time",
            Self::Nonce => "id_token_nonce",
            Self::Subject => "id_token_subject",
        }
    }
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
}

impl Claims {
    /// The texts of a claim that is a text or a list of them.
    pub(super) fn texts(&self, claim: &str) -> impl Iterator<Item = &str> {
        let value = self.all.get(claim);
        let listed = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        value.and_then(Value::as_str).into_iter().chain(listed)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Wrong> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Wrong::Form)
}

/// The number of the key that signed a token, as the token says.
pub(super) fn key_of(token: &str) -> Option<String> {
    let head = token.split('.').next()?;
    serde_json::from_slice::<Head>(&decode(head).ok()?).ok()?.kid
}

/// Whether a provider's keys have one of this number.
pub(super) fn has_key(keys: &[Key], kid: Option<&str>) -> bool {
    keys.iter().any(|key| kid.is_none() || key.kid.as_deref() == kid)
}

/// Checks a token.
pub(super) fn verify(token: &str, keys: &[Key], expected: &Expected<'_>) -> Result<Claims, Wrong> {
    let all: Map<String, Value> = serde_json::from_slice(&signed(token, keys)?).map_err(|_| Wrong::Form)?;
    let text = |name: &str| all.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Wrong::Issuer);
    }
    let several = match all.get("aud") {
        Some(Value::String(one)) if one == expected.client_id => false,
        Some(Value::Array(many)) if many.iter().any(|one| one.as_str() == Some(expected.client_id)) => many.len() > 1,
        _ => return Err(Wrong::Audience),
    };
    let party = text("azp");
    if party.is_some_and(|party| party != expected.client_id) || (several && party.is_none()) {
        return Err(Wrong::Audience);
    }
    let second = |name: &str| all.get(name).and_then(Value::as_f64);
    let now_s = expected.now_s as f64;
    let skew_s = SKEW_S as f64;
    let good = second("exp").is_some_and(|exp| now_s < exp + skew_s)
        && second("iat").is_some_and(|iat| iat <= now_s + skew_s)
        && second("nbf").is_none_or(|nbf| nbf <= now_s + skew_s);
    if !good {
        return Err(Wrong::Time);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Wrong::Nonce);
    }
    let sub = text("sub").filter(|sub| (1..=255).contains(&sub.len())).ok_or(Wrong::Subject)?.to_owned();
    Ok(Claims { sub, all })
}

/// What was signed, if one of the keys signed it.
fn signed(token: &str, keys: &[Key]) -> Result<Vec<u8>, Wrong> {
    if token.len() > LONGEST {
        return Err(Wrong::Form);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Wrong::Form)?;
    let (head, payload) = message.split_once('.').ok_or(Wrong::Form)?;
    let head: Head = serde_json::from_slice(&decode(head)?).map_err(|_| Wrong::Form)?;
    let signature = decode(signature)?;
    let kty = match head.alg.as_str() {
        "RS256" | "PS256" => "RSA",
        "ES256" => "EC",
        "EdDSA" => "OKP",
        _ => return Err(Wrong::Algorithm),
    };
    let usable = |key: &&Key| {
        key.kty == kty
            && key.usage.as_deref().is_none_or(|usage| usage == "sig")
            && key.alg.as_ref().is_none_or(|alg| *alg == head.alg)
            && (head.kid.is_none() || key.kid == head.kid)
    };
    let made = |key: &Key| made_by(key, &head.alg, message.as_bytes(), &signature) == Some(true);
    if keys.iter().filter(usable).any(made) { decode(payload) } else { Err(Wrong::Signature) }
}

/// Whether a key made a signature; `None`: the key cannot be used.
fn made_by(key: &Key, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
    let part = |text: &Option<String>| decode(text.as_deref()?).ok();
    let verified = match algorithm {
        "RS256" | "PS256" => {
            // Some publish the modulus with a leading zero.
            let strip = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            let (n, e) = (strip(part(&key.n)?), strip(part(&key.e)?));
            let parameters = if algorithm == "RS256" { &RSA_PKCS1_2048_8192_SHA256 } else { &RSA_PSS_2048_8192_SHA256 };
            RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
        }
        "ES256" if key.crv.as_deref() == Some("P-256") => {
            let (x, y) = (part(&key.x)?, part(&key.y)?);
            let point = [&[4][..], &x, &y].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
        }
        "EdDSA" if key.crv.as_deref() == Some("Ed25519") => {
            UnparsedPublicKey::new(&ED25519, part(&key.x)?).verify(message, signature)
        }
        _ => return None,
    };
    Some(verified.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RFC 7515, appendix A.2: RS256.
    const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Q\
        lL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-\
        UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs9\
        1kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
        p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB\
        _eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWk\
        WywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    /// Appendix A.3: ES256.
    const EC_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn keys() -> Vec<Key> {
        let keys = json!([
            { "kty": "RSA", "n": RSA_N, "e": "AQAB", "kid": "rsa" },
            { "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
              "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
            { "kty": "oct" },
        ]);
        serde_json::from_value(keys).unwrap()
    }

    fn token(head: &str, signature: &str) -> String {
        format!("{}.{PAYLOAD}.{signature}", URL_SAFE_NO_PAD.encode(head))
    }

    #[test]
    fn the_published_vectors_verify_and_nothing_else_does() {
        for (head, signature) in [(r#"{"alg":"RS256"}"#, RSA_SIGNATURE), (r#"{"alg":"ES256"}"#, EC_SIGNATURE)] {
            let good = token(head, signature);
            assert!(signed(&good, &keys()).unwrap().starts_with(br#"{"iss":"joe""#), "{head}");
            let changed = good.replace(PAYLOAD, &PAYLOAD.replace("MzA4", "MzA5"));
            let changed = if changed == good { good.replace("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb3Ui") } else { changed };
            assert_eq!(signed(&changed, &keys()).unwrap_err(), Wrong::Signature, "{head}");
            assert_eq!(signed(&good, &[]).unwrap_err(), Wrong::Signature);
        }
        let other_key = token(r#"{"alg":"RS256","kid":"x"}"#, RSA_SIGNATURE);
        assert_eq!(signed(&other_key, &keys()).unwrap_err(), Wrong::Signature);
        for algorithm in ["none", "HS256", "rs256"] {
            let head = format!(r#"{{"alg":"{algorithm}"}}"#);
            assert_eq!(signed(&token(&head, ""), &keys()).unwrap_err(), Wrong::Algorithm, "{algorithm}");
        }
        for garbage in ["", ".", "..", "a.b.c", "{}.{}.{}", &"x".repeat(40_000)] {
            assert_eq!(signed(garbage, &keys()).unwrap_err(), Wrong::Form, "{garbage}");
        }
    }

    #[test]
    fn a_claim_is_a_text_or_a_list_of_texts() {
        let Value::Object(all) = json!({ "one": "a", "many": ["b", 3, "c"], "none": 7 }) else { panic!("an object") };
        let claims = Claims { sub: "x".into(), all };
        let texts = |claim| claims.texts(claim).collect::<Vec<_>>().join(" ");
        assert_eq!([texts("one"), texts("many"), texts("none"), texts("missing")], ["a", "b c", "", ""]);
    }
}
