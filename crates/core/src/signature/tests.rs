use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_999_999);

struct Fixed(u8);
impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn secret(text: &str) -> Secret {
    Secret::from_vendor(text).unwrap().unwrap()
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

#[test]
fn secrets_are_counted_in_characters_and_never_trimmed() {
    assert_eq!(Secret::from_vendor(""), Ok(None));
    assert_eq!(Secret::from_tenant(""), Ok(None));
    assert_eq!(secret("  ").expose(), "  ");
    assert!(Secret::from_vendor(&"é".repeat(100)).is_ok());
    assert_eq!(Secret::from_vendor(&"é".repeat(101)), Err(SecretError::TooLong));
    assert_eq!(Secret::from_tenant("ééééééé"), Err(SecretError::TooShort { least: 8 }));
    assert!(Secret::from_tenant("éééééééé").is_ok());
    assert_eq!(format!("{:?}", secret("hunter22")), "Secret(..)");
}

#[test]
fn generated_secrets_hold_their_own_key() {
    let made = Secret::generate(&Fixed(7));
    assert_eq!(made.expose(), "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    assert_eq!(made.standard_key().unwrap(), [7; 32]);
    assert_eq!(Secret::from_tenant(made.expose()), Ok(Some(made)));
}

#[test]
fn the_published_example_of_standard_webhooks_is_met() {
    let key = SigningKey::new(&secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let mut signature = String::new();
    key.standard_of(b"msg_p5jXN8AQM9LWM0D4loKWxJek", b"1614265330", br#"{"test": 2432232314}"#, &mut signature);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_key_is_decoded_only_where_there_is_one() {
    for (text, key) in [
        ("whsec_AQID", Some(vec![1, 2, 3])),
        ("whsec_AQ==", Some(vec![1])),
        ("whsec_AQ", Some(vec![1])),
        ("whsec_AR", Some(vec![1])),
        ("whsec_", None),
        ("whsec_not base64", None),
        ("AQID", None),
        ("Whsec_AQID", None),
    ] {
        assert_eq!(secret(text).standard_key(), key, "{text}");
    }
}

#[test]
fn the_token_is_exactly_header_and_two_claims() {
    let token = SigningKey::new(&secret("s3cret")).jwt(NOW);
    let parts: Vec<_> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    assert_eq!(parts[0], br#"{"alg":"HS256","typ":"JWT"}"#);
    assert_eq!(parts[1], br#"{"iat":1767225600,"exp":1767225900}"#);
    assert_eq!(parts.len(), 3);
}

#[test]
fn a_refused_token_is_explained() {
    let secret_ = secret("s3cret");
    let token = SigningKey::new(&secret_).jwt(NOW);
    let check = |token: &str, at| verify_jwt(token, &secret_, at);

    assert!(check(&token, later(299)).is_ok());
    assert_eq!(check(&token, later(300)), Err(VerifyError::Expired { seconds: 0 }));
    assert_eq!(check(&token, later(342)), Err(VerifyError::Expired { seconds: 42 }));
    assert_eq!(verify_jwt(&token, &secret("s3cret "), NOW), Err(VerifyError::WrongSecret));

    // An expired token that somebody else signed is, above all, somebody else's.
    assert_eq!(verify_jwt(&token, &secret("other"), later(900)), Err(VerifyError::WrongSecret));

    for not_a_token in
        ["", "s3cret", "a.b.c", "e30.e30.", JWT_HEADER, &format!("{JWT_HEADER}.e30"), &format!("{token}.x")]
    {
        assert_eq!(check(not_a_token, NOW), Err(VerifyError::NotAJwt), "{not_a_token}");
    }

    let none = format!("{}.e30.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    assert_eq!(check(&none, NOW), Err(VerifyError::Algorithm("none".to_owned())));

    let signed = |algorithm, claims: serde_json::Value| {
        jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(b"s3cret")).unwrap()
    };
    let claims = serde_json::json!({"iat": 1_767_225_600, "exp": 1_767_225_900});
    assert!(check(&signed(Algorithm::HS256, claims.clone()), NOW).is_ok());
    assert_eq!(check(&signed(Algorithm::HS512, claims), NOW), Err(VerifyError::Algorithm("HS512".to_owned())));
    let eternal = signed(Algorithm::HS256, serde_json::json!({"iat": 1_767_225_600}));
    assert_eq!(check(&eternal, NOW), Err(VerifyError::Claims));
}

#[test]
fn a_refused_signature_is_explained() {
    let secret_ = secret("s3cret");
    let key = SigningKey::new(&secret_);
    let id = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f".parse::<EventId>().unwrap();
    let (id_text, time, body) = (id.to_string(), NOW.as_seconds().to_string(), br#"{"a":1.0}"#);
    let good = key.standard(id, NOW, body);
    let tolerance = Duration::from_mins(5);
    let check = |signatures: &str| verify_standard(&id_text, &time, signatures, body, &secret_, NOW, tolerance);

    assert_eq!(check(&good), Ok(()));
    assert_eq!(check(&format!("v1a,xyz v1,AAAA {good}")), Ok(()));
    assert_eq!(check("v1,AAAA v1,not/base64!"), Err(VerifyError::Mismatch));
    assert_eq!(check("v1a,AAAA"), Err(VerifyError::NoSignature));
    assert_eq!(check(""), Err(VerifyError::NoSignature));

    let other_body = verify_standard(&id_text, &time, &good, br#"{"a":1}"#, &secret_, NOW, tolerance);
    assert_eq!(other_body, Err(VerifyError::Mismatch));
    let at = |now| verify_standard(&id_text, &time, &good, body, &secret_, now, tolerance);
    assert_eq!(at(later(300)), Ok(()));
    assert_eq!(at(later(301)), Err(VerifyError::TooOld { seconds: 301 }));
    assert_eq!(at(NOW - Duration::from_secs(301)), Err(VerifyError::TooNew { seconds: 301 }));
    let soon = verify_standard(&id_text, "soon", &good, body, &secret_, NOW, tolerance);
    assert_eq!(soon, Err(VerifyError::NotATimestamp));
}

proptest! {
    #[test]
    fn what_is_signed_verifies_with_the_same_secret_alone(
        text in prop_oneof!["\\PC{1,100}", "whsec_[A-Za-z0-9+/]{4,40}"],
        body in prop::collection::vec(any::<u8>(), 0..300),
        micros in 0..4_000_000_000_000_000i64,
    ) {
        let (secret, now) = (secret(&text), Timestamp::from_micros(micros));
        let key = SigningKey::new(&secret);
        let other = Secret::generate(&Fixed(1));

        let token = key.jwt(now);
        let claims = verify_jwt(&token, &secret, now).unwrap();
        prop_assert_eq!(claims.issued_at.as_seconds(), now.as_seconds());
        prop_assert_eq!(claims.expires_at.as_seconds(), now.as_seconds() + 300);
        prop_assert_eq!(verify_jwt(&token, &other, now), Err(VerifyError::WrongSecret));

        // The library by itself, as a receiver uses it, agrees.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        let decoded = jsonwebtoken::decode::<serde_json::Value>(
            &token, &DecodingKey::from_secret(text.as_bytes()), &validation,
        ).unwrap();
        prop_assert_eq!(decoded.claims, serde_json::json!({"iat": now.as_seconds(), "exp": now.as_seconds() + 300}));

        let id = EventId::new(now, &Fixed(9));
        let signature = key.standard(id, now, &body);
        let (id, time) = (id.to_string(), now.as_seconds().to_string());
        let check = |secret| verify_standard(&id, &time, &signature, &body, secret, now, Duration::ZERO);
        prop_assert_eq!(check(&secret), Ok(()));
        prop_assert_eq!(check(&other), Err(VerifyError::Mismatch));
    }
}

#[test]
fn the_key_of_rfc_8032_signs_as_another_library_does() {
    // The first test vector of RFC 8032, and what Node.js (node:crypto) signs with it.
    let seed = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    let private = PrivateKey::from_bytes(seed);
    let public = private.public_key();
    assert_eq!(public.to_string(), "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    assert_eq!(PublicKey::parse(&public.to_string()), Ok(public));
    assert_eq!(format!("{private:?}"), "PrivateKey(..)");
    let key = AsymmetricKey::new(&private);
    let signature = key.standard_of(b"msg_p5jXN8AQM9LWM0D4loKWxJek", b"1614265330", br#"{"test": 2432232314}"#);
    assert_eq!(
        signature,
        "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw=="
    );
}

#[test]
fn one_right_signature_of_several_is_enough_and_schemes_are_apart() {
    let (private, other) = (PrivateKey::from_bytes([1; 32]), PrivateKey::from_bytes([2; 32]));
    let (secret, key, id) =
        (secret("a secret"), AsymmetricKey::new(&private), EventId::from_uuid(uuid::Uuid::from_u128(7)));
    let body = b"{}";
    let (v1, v1a) = (SigningKey::new(&secret).standard(id, NOW, body), key.standard(id, NOW, body));
    let strange = AsymmetricKey::new(&other).standard(id, NOW, body);
    let seconds = NOW.as_seconds().to_string();
    let check = |signatures: &str, body: &[u8], key: &PrivateKey| {
        let tolerance = Duration::from_mins(1);
        verify_asymmetric(&id.to_string(), &seconds, signatures, body, &key.public_key(), NOW, tolerance)
    };
    assert_eq!(check(&format!("{v1} {strange} {v1a}"), body, &private), Ok(()));
    assert_eq!(check(&format!("{v1} {v1a}"), b"{ }", &private), Err(VerifyError::Mismatch));
    assert_eq!(check(&format!("{v1} {v1a}"), body, &other), Err(VerifyError::Mismatch));
    assert_eq!(check(&v1, body, &private), Err(VerifyError::NoAsymmetricSignature));
    let all = format!("{strange} {v1a} {v1}");
    let checked = verify_standard(&id.to_string(), &seconds, &all, body, &secret, NOW, Duration::ZERO);
    assert_eq!(checked, Ok(()), "those of the other scheme are passed over");
    for bad in ["", "whpk_", "whpk_AQID", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="] {
        assert_eq!(PublicKey::parse(bad), Err(PublicKeyError), "{bad}");
    }
}
