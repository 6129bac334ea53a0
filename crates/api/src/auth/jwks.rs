//! The keys that trusted issuers serve at a URL.
//!
//! Owns when they are fetched and how long they count. They are fetched through the egress guard, one fetch for a URL at a time,
//! at most once in [`REFRESH_INTERVAL`] ([`RETRY_INTERVAL`] after one that failed) whatever tokens arrive, so that nobody makes this server
//! hammer an issuer.
//!
//! ```text
//! 0 ──────────── RENEWED ──────────────────── KEPT ──────────────────────── KEPT_UNREACHABLE
//!  they count      they count, and the first    they count where a fetch       nobody can be told
//!                  caller fetches them anew     failed just now                from anybody
//! ```
//!
//! Invariant: a fetch that fails takes nothing away from those who come with keys that still count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use postrider_core::attempt::BodyEnd;
use postrider_core::limits::READ_BODY_KEPT;
use postrider_core::{Clock, Timestamp};
use postrider_egress::{Egress, OutboundRequest, PoolScope, Repeat};
use serde::Deserialize;
use url::Url;

use crate::auth::secrets;
use crate::auth::signatures::Hash;
use crate::error::{ApiError, Code};

/// The least time between two fetches from one URL.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// The least time between a fetch that gave nothing and the next one.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// From which age on keys are fetched anew although they count.
const RENEWED: Duration = Duration::from_mins(5);
/// How long keys count without being fetched again: as long as a key that was withdrawn may go on working.
const KEPT: Duration = Duration::from_mins(10);
/// How long they count while the issuer cannot be reached.
const KEPT_UNREACHABLE: Duration = Duration::from_mins(30);
/// How long after a fetch that failed the issuer passes for one that cannot be reached.
const UNREACHABLE: Duration = Duration::from_mins(1);
/// URLs whose keys are kept.
const URLS: usize = 256;
/// Keys of one set that are looked at.
const KEYS: usize = 64;
/// How long a fetch may take: somebody waits for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// A key that checks tokens.
#[derive(Clone)]
pub(crate) struct CheckingKey {
    kid: Option<String>,
    /// Where the set says so, this algorithm alone.
    algorithm: Option<Algorithm>,
    /// Of what its owner says of it.
    pub(crate) hash: Hash,
    pub(crate) key: DecodingKey,
}

impl CheckingKey {
    /// Whether it can have signed a token with that header.
    fn fits(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        kid.is_none_or(|kid| self.kid.as_deref() == Some(kid))
            && self.algorithm.is_none_or(|own| own == algorithm)
            && self.key.family().algorithms().contains(&algorithm)
    }
}

/// The keys at one URL.
#[derive(Default)]
struct Source {
    known: Mutex<Known>,
    /// Held while they are fetched. Who finds its key among those that are known does not wait for it.
    fetching: tokio::sync::Mutex<()>,
}

/// What was learnt from a URL so far.
#[derive(Default)]
struct Known {
    keys: Arc<[CheckingKey]>,
    fetched_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    /// When a fetch failed, where none has succeeded since.
    failed_at: Option<Timestamp>,
}

impl Known {
    /// The keys, unless they are too old to count.
    fn that_count(&self, now: Timestamp) -> Option<Arc<[CheckingKey]>> {
        let kept = if self.is_unreachable(now) { KEPT_UNREACHABLE } else { KEPT };
        self.fetched_at.filter(|at| now.since(*at) < kept).map(|_| Arc::clone(&self.keys))
    }

    fn is_unreachable(&self, now: Timestamp) -> bool {
        self.failed_at.is_some_and(|at| now.since(at) < UNREACHABLE)
    }

    /// Whether it is time to fetch the keys anew, although they count.
    fn are_to_be_renewed(&self, now: Timestamp) -> bool {
        self.fetched_at.is_none_or(|at| now.since(at) >= RENEWED) && self.may_be_asked(now)
    }

    /// Whether the URL may be asked again. A clock that was set back does not keep it from that.
    fn may_be_asked(&self, now: Timestamp) -> bool {
        // A fetch that was given up, as its caller has gone, counts as one that failed.
        let interval = if self.asked_at == self.fetched_at { REFRESH_INTERVAL } else { RETRY_INTERVAL };
        self.asked_at.is_none_or(|at| now < at || now.since(at) >= interval)
    }
}

impl Source {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches the keys, where the URL may be asked. For the one whose turn it is to fetch.
    async fn ask(&self, url: &str, egress: &Egress, clock: &dyn Clock) {
        let now = clock.now();
        {
            // Somebody else may have asked while this caller waited for its turn.
            let mut known = self.known();
            if !known.may_be_asked(now) {
                return;
            }
            known.asked_at = Some(now);
        }
        match fetch(url, egress).await {
            Ok(keys) => {
                let mut known = self.known();
                known.keys = keys.into();
                known.fetched_at = Some(now);
                known.failed_at = None;
            }
            Err(error) => {
                tracing::warn!(error.message = %error, "a trusted issuer's keys could not be fetched");
                self.known().failed_at = Some(clock.now());
            }
        }
    }
}

/// The key sets by URL.
#[derive(Default)]
pub(crate) struct Jwks(Mutex<HashMap<String, Arc<Source>>>);

impl Jwks {
    /// The keys at that URL that can have signed a token with this header.
    pub(crate) async fn find(
        &self,
        url: &str,
        kid: Option<&str>,
        algorithm: Algorithm,
        egress: &Egress,
        clock: &dyn Clock,
    ) -> Result<Vec<CheckingKey>, ApiError> {
        let source = self.source(url);
        let fitting = |keys: &[CheckingKey]| -> Vec<CheckingKey> {
            keys.iter().filter(|key| key.fits(kid, algorithm)).cloned().collect()
        };
        let (known, renew) = {
            let (known, now) = (source.known(), clock.now());
            (known.that_count(now), known.are_to_be_renewed(now))
        };
        if let Some(found) = known.map(|keys| fitting(&keys)).filter(|found| !found.is_empty()) {
            // One caller fetches them; the others go on with what they have.
            let turn = if renew { source.fetching.try_lock().ok() } else { None };
            if turn.is_none() {
                return Ok(found);
            }
            source.ask(url, egress, clock).await;
        } else {
            let _turn = source.fetching.lock().await;
            source.ask(url, egress, clock).await;
        }
        let (known, is_unreachable) = {
            let (known, now) = (source.known(), clock.now());
            (known.that_count(now), known.is_unreachable(now))
        };
        // A key that is not known may be a new one, where the issuer cannot be asked.
        known.map(|keys| fitting(&keys)).filter(|found| !found.is_empty() || !is_unreachable).ok_or_else(|| {
            let detail = "the keys of the token's issuer cannot be fetched at the moment";
            ApiError::new(Code::IssuerUnreachable, detail)
        })
    }

    fn source(&self, url: &str) -> Arc<Source> {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = sources.get(url) {
            return Arc::clone(source);
        }
        if sources.len() >= URLS {
            sources.clear();
        }
        Arc::clone(sources.entry(url.to_owned()).or_default())
    }
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Send(#[from] postrider_egress::SendError),
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer broke off, or is longer than {READ_BODY_KEPT} bytes")]
    Cut,
    #[error("the URL cannot be read")]
    Url(#[from] url::ParseError),
    #[error("the answer is no set of keys: {0}")]
    Form(#[from] serde_json::Error),
}

async fn fetch(url: &str, egress: &Egress) -> Result<Vec<CheckingKey>, FetchError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
    let request = OutboundRequest {
        method: Method::GET,
        url: Arc::new(Url::parse(url)?),
        headers,
        body: Bytes::new(),
        deadline: DEADLINE,
        // Connections to issuers are shared with nobody's webhooks.
        pool: PoolScope::new(0),
        keep: READ_BODY_KEPT,
        repeat: Repeat::default(),
        identity: None,
    };
    let answer = egress.send(request).await.result?;
    if answer.status != 200 {
        return Err(FetchError::Status(answer.status));
    }
    if answer.body_end != BodyEnd::Complete {
        return Err(FetchError::Cut);
    }
    Ok(keys_of(&answer.body)?)
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

/// The usable keys of a set. Keys of other kinds stand beside them in real sets, and are passed over; so is a shared secret, which
/// everybody could read there.
fn keys_of(body: &[u8]) -> Result<Vec<CheckingKey>, serde_json::Error> {
    let document: Document = serde_json::from_slice(body)?;
    let usable = document.keys.into_iter().take(KEYS).filter_map(|value| {
        let hash = secrets::sha256(&value.to_string());
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_))
            || jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature)
        {
            return None;
        }
        let algorithm = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string().parse());
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        // An algorithm of another purpose than signing makes the key unusable.
        Some(CheckingKey { kid: jwk.common.key_id, algorithm: algorithm.transpose().ok()?, hash, key })
    });
    Ok(usable.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_secrets_and_keys_for_encryption_are_passed_over() {
        let rsa = r#""kty":"RSA","n":"AQAB","e":"AQAB""#;
        let set = format!(
            r#"{{"keys":[{{"kty":"oct","k":"c2VjcmV0"}},{{{rsa},"use":"enc"}},{{{rsa},"kid":"a","alg":"RS256"}},{{"kty":"?"}}]}}"#
        );
        let keys = keys_of(set.as_bytes()).expect("a set");
        assert_eq!(keys.len(), 1);
        assert!(keys[0].fits(Some("a"), Algorithm::RS256));
        for (kid, algorithm) in
            [(Some("a"), Algorithm::PS256), (Some("a"), Algorithm::HS256), (Some("b"), Algorithm::RS256)]
        {
            assert!(!keys[0].fits(kid, algorithm), "{kid:?} {algorithm:?}");
        }
    }
}
