//! TLS towards receivers and proxies: whom we trust, and why a handshake failed in words a person can act on.
//!
//! Invariant: certificates are always verified; there is no switch that turns it off.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use postrider_core::Timestamp;
use postrider_core::attempt::FailureKind;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, OtherError,
    RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::SendError;

/// The root certificates that were given in addition cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the additional root certificates cannot be read: {0}")]
pub struct RootsError(String);

/// Whether root certificates (PEM) could be trusted besides the machine's own.
pub fn check_roots(pem: &[u8]) -> Result<(), RootsError> {
    add_roots(&mut RootCertStore::empty(), pem)
}

fn add_roots(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), RootsError> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| RootsError(error.to_string()))?;
        roots.add(certificate).map_err(|error| RootsError(error.to_string()))?;
    }
    if roots.len() == before {
        return Err(RootsError("there is none in it".to_owned()));
    }
    Ok(())
}

/// Shakes hands.
pub(crate) struct Tls {
    to_receivers: TlsConnector,
    to_proxies: TlsConnector,
}

impl Tls {
    /// TLS that trusts this machine's roots and those in `extra_roots_pem`.
    pub(crate) fn new(extra_roots_pem: Option<&[u8]>) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::warn!(%error, "some of this machine's root certificates cannot be read");
        }
        roots.add_parsable_certificates(native.certs);
        if let Some(pem) = extra_roots_pem {
            add_roots(&mut roots, pem)?;
        }
        if roots.is_empty() {
            tracing::warn!("this machine has no root certificates: no https endpoint can be trusted");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Arc::new(Verifier::new(roots, &provider)?);
        let config = |protocols: &[&[u8]]| {
            let mut config = ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .expect("the provider has the suites of TLS 1.2 and 1.3")
                .dangerous()
                .with_custom_certificate_verifier(verifier.clone())
                .with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self { to_receivers: config(&[b"h2", b"http/1.1"]), to_proxies: config(&[b"http/1.1"]) })
    }

    /// Shakes hands with a receiver that goes by `host`, a name or an address as in its URL, and shows it the certificate, if it asks.
    pub(crate) async fn with_receiver<S>(
        &self,
        host: &str,
        identity: Option<&ClientIdentity>,
        stream: S,
    ) -> Result<TlsStream<S>, SendError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = identity.map_or(&self.to_receivers, |identity| identity.connector(&self.to_receivers));
        let handshake = connector.connect(server_name(host)?, stream);
        handshake.await.map_err(|error| SendError::endpoint(FailureKind::Tls, handshake_in_words(&error, host)))
    }

    /// Shakes hands with a proxy. The error is for whoever knows whose fault it is.
    pub(crate) async fn with_proxy<S>(&self, host: &str, stream: S) -> Result<TlsStream<S>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = server_name(host).map_err(|error| error.to_string())?;
        self.to_proxies.connect(name, stream).await.map_err(|error| handshake_in_words(&error, host))
    }
}

/// A certificate that is shown to receivers who ask for one, with its key. Clones share sessions.
#[derive(Clone)]
pub struct ClientIdentity(Arc<Shown>);

struct Shown {
    key: Arc<CertifiedKey>,
    fingerprint: u128,
    /// With sessions of its own: one that was resumed would let in whoever shows nothing.
    connector: OnceLock<TlsConnector>,
}

/// Why there can be no client certificate of these texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdentityError {
    /// No certificate.
    #[error("there is no certificate in PEM in it (-----BEGIN CERTIFICATE-----)")]
    Certificate,
    /// No private key that can be used.
    #[error("there is no private key in PEM in it that can be used (-----BEGIN PRIVATE KEY-----, without a password)")]
    Key,
    /// The one is not the other's.
    #[error("the private key is not that of the certificate")]
    Mismatch,
}

impl ClientIdentity {
    /// Reads a certificate, with those between it and its root, and its key, both in PEM.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, ClientIdentityError> {
        let mut fingerprint = digest::Context::new(&digest::SHA256);
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(chain.as_bytes()) {
            let certificate = certificate.map_err(|_| ClientIdentityError::Certificate)?;
            fingerprint.update(&certificate);
            certificates.push(certificate);
        }
        let leaf = certificates.first().ok_or(ClientIdentityError::Certificate)?;
        x509_parser::parse_x509_certificate(leaf).map_err(|_| ClientIdentityError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| ClientIdentityError::Key)?;
        fingerprint.update(key.secret_der());
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).map_err(|_| ClientIdentityError::Key)?;
        let certified = CertifiedKey::new(certificates, key);
        certified.keys_match().map_err(|_| ClientIdentityError::Mismatch)?;
        let mut half = [0; 16];
        half.copy_from_slice(&fingerprint.finish().as_ref()[..16]);
        let fingerprint = u128::from_be_bytes(half);
        Ok(Self(Arc::new(Shown { key: Arc::new(certified), fingerprint, connector: OnceLock::new() })))
    }

    pub(crate) fn fingerprint(&self) -> u128 {
        self.0.fingerprint
    }

    fn connector(&self, plain: &TlsConnector) -> &TlsConnector {
        self.0.connector.get_or_init(|| {
            let mut config = ClientConfig::clone(plain.config());
            config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(self.0.key.clone()));
            config.resumption = Resumption::default();
            TlsConnector::from(Arc::new(config))
        })
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(..)")
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, SendError> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned())
        .map_err(|_| SendError::endpoint(FailureKind::Tls, format!("no certificate can be issued for the name {host}")))
}

/// The TLS error inside an I/O error.
pub(crate) fn rustls_error(error: &io::Error) -> Option<&TlsError> {
    error.get_ref()?.downcast_ref()
}

fn handshake_in_words(error: &io::Error, host: &str) -> String {
    match rustls_error(error) {
        Some(tls) => in_words(tls, host),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("{host} closed the connection during the TLS handshake")
        }
        None => format!("the connection to {host} broke during the TLS handshake: {error}"),
    }
}

/// What a TLS error means for somebody who runs the endpoint.
pub(crate) fn in_words(error: &TlsError, host: &str) -> String {
    match error {
        TlsError::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            inner.downcast_ref::<Distrust>().map_or_else(|| inner.to_string(), ToString::to_string)
        }
        TlsError::InvalidCertificate(error) => format!("the certificate of {host} is not valid: {error}"),
        TlsError::InvalidMessage(_) => format!("{host} does not speak TLS on this port"),
        TlsError::PeerIncompatible(_)
        | TlsError::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        ) => {
            format!(
                "{host} and this server have no TLS version or cipher in common; this server speaks TLS 1.2 and 1.3"
            )
        }
        TlsError::AlertReceived(AlertDescription::UnrecognisedName) => {
            format!("{host} has no certificate for that name")
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            format!("{host} asks for a client certificate")
        }
        TlsError::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            format!("{host} speaks neither HTTP/2 nor HTTP/1.1")
        }
        TlsError::AlertReceived(alert) => format!("{host} refused the TLS handshake: {alert:?}"),
        other => format!("the TLS handshake with {host} failed: {other}"),
    }
}

/// Why a certificate was not trusted; the words are complete.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Distrust(String);

/// The usual verification, with words for its refusals while the certificates are still at hand.
#[derive(Debug)]
struct Verifier {
    /// Absent where there are no roots, so that nobody is trusted.
    inner: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Self, RootsError> {
        let inner = if roots.is_empty() {
            None
        } else {
            let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build();
            Some(verifier.map_err(|error| RootsError(error.to_string()))?)
        };
        Ok(Self { inner, provider: provider.clone() })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified = match &self.inner {
            Some(inner) => inner.verify_server_cert(leaf, intermediates, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        verified.map_err(|error| match error {
            TlsError::InvalidCertificate(error) => {
                let words = distrust_in_words(&error, leaf, intermediates, name);
                TlsError::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Distrust(words)))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn distrust_in_words(
    error: &CertificateError,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
) -> String {
    let host = name.to_str();
    let parsed = x509_parser::parse_x509_certificate(leaf).ok().map(|(_, certificate)| certificate);
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            // The one that expired may be an intermediate.
            let own = parsed.as_ref().is_some_and(|leaf| {
                u64::try_from(leaf.validity().not_after.timestamp()).is_ok_and(|own| own == not_after.as_secs())
            });
            let which = if own { "the certificate" } else { "a certificate in the chain" };
            format!("{which} of {host} expired on {}", date(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("the certificate of {host} is not valid before {}", date(*not_before))
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let mut words = format!("the certificate is not for {host}");
            if !presented.is_empty() {
                // A certificate can have thousands of names; the first few show whose it is.
                let shown: Vec<&str> = presented.iter().take(5).map(|name| plain_name(name)).collect();
                let more = if presented.len() > shown.len() { " and others" } else { "" };
                let _ = write!(words, " but for {}{more}", shown.join(", "));
            }
            words
        }
        CertificateError::Revoked => format!("the certificate of {host} was revoked"),
        _ if parsed.as_ref().is_some_and(|leaf| leaf.subject().as_raw() == leaf.issuer().as_raw()) => {
            format!("the certificate of {host} is self-signed")
        }
        CertificateError::UnknownIssuer => {
            let issuer = parsed.map_or_else(|| "somebody".to_owned(), |leaf| format!("\"{}\"", leaf.issuer()));
            let hint = if intermediates.is_empty() { "; it came without intermediate certificates" } else { "" };
            format!("the certificate of {host} was issued by {issuer}, whom this server does not trust{hint}")
        }
        other => format!("the certificate of {host} is not valid: {other}"),
    }
}

/// rustls shows names as `DnsName("example.com")`.
fn plain_name(shown: &str) -> &str {
    shown.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")")).unwrap_or(shown)
}

fn date(moment: UnixTime) -> String {
    let micros = i64::try_from(moment.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let mut text = Timestamp::from_micros(micros).to_string();
    text.truncate("2026-01-01".len());
    text
}
