//! Certificates for receivers in tests: an honest one and each kind of dishonest one.
//!
//! One authority for the whole process; clients trust it by [`authority_pem`].

use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

/// The name that honest certificates are for, besides `localhost` and `127.0.0.1`.
pub const RECEIVER_NAME: &str = "receiver.test";

/// Whom a receiver claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// [`RECEIVER_NAME`], `localhost` and `127.0.0.1`, by the trusted authority.
    Honest,
    /// The same, but until 2020-06-01.
    Expired,
    /// The same, but from 2090-01-01 on.
    NotYetValid,
    /// `somebody-else.test`, by the trusted authority.
    WrongName,
    /// The right names, signed by nobody but itself.
    SelfSigned,
    /// The right names, by an authority that nobody trusts.
    UnknownIssuer,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

static TRUSTED: LazyLock<Authority> = LazyLock::new(|| authority("Postrider Test Authority"));
static UNTRUSTED: LazyLock<Authority> = LazyLock::new(|| authority("Some Other Authority"));

/// The certificate (PEM) of the authority that signs honest identities.
pub fn authority_pem() -> String {
    TRUSTED.pem()
}

/// A certificate for a client of that name, by the trusted authority, and its key, both in PEM.
pub fn client_certificate(name: &str) -> (String, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    let key = new_key();
    let certificate = params.signed_by(&key, &*TRUSTED).expect("the parameters make a certificate");
    (certificate.pem(), key.serialize_pem())
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, new_key()).expect("the parameters make a certificate")
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

impl Identity {
    /// The configuration of a server with this identity.
    pub fn server_config(self, http2: bool) -> Arc<ServerConfig> {
        self.server_config_with(http2, false)
    }

    /// The same, which may let in only those who show a certificate by the trusted authority.
    pub(crate) fn server_config_with(self, http2: bool, demands_certificate: bool) -> Arc<ServerConfig> {
        let (certificate, key) = self.certificate();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has the suites of TLS 1.2 and 1.3");
        let builder = if demands_certificate {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(TRUSTED.der().clone()).expect("the authority's certificate is one");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("there is a root"))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate], key).expect("the key fits the certificate");
        config.alpn_protocols =
            if http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { vec![b"http/1.1".to_vec()] };
        Arc::new(config)
    }

    fn certificate(self) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let names = match self {
            Self::WrongName => vec!["somebody-else.test".to_owned()],
            _ => vec![RECEIVER_NAME.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()],
        };
        let mut params = CertificateParams::new(names).expect("the names are names");
        params.distinguished_name.push(DnType::CommonName, RECEIVER_NAME);
        match self {
            Self::Expired => params.not_after = date_time_ymd(2020, 6, 1),
            Self::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
            _ => {}
        }
        let key = new_key();
        let certificate = match self {
            Self::SelfSigned => params.self_signed(&key),
            Self::UnknownIssuer => params.signed_by(&key, &*UNTRUSTED),
            _ => params.signed_by(&key, &*TRUSTED),
        }
        .expect("the parameters make a certificate");
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("a key in PKCS #8"))
    }
}
