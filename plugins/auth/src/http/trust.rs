//! Which servers are believed, with the roots loaded late.
//!
//! Loading the system's roots takes milliseconds, and most commands on this machine's own servers need none: so the
//! verifier loads them when the first certificate arrives, on a thread started with the first handshake's client.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use seqera_plugin_api::{Error, ErrorKind, Result};

/// The TLS settings of every connection; `ca_bundle` is a PEM file whose authorities are believed as well.
///
/// # Errors
/// `Config` when the bundle cannot be read.
pub(crate) fn client_config(ca_bundle: Option<String>) -> Result<ClientConfig> {
    let extra = ca_bundle.map(|path| read_bundle(&path)).transpose()?.unwrap_or_default();
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(LateVerifier { provider: Arc::clone(&provider), extra, inner: OnceLock::new() });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Failed, "cannot set up TLS").caused_by(&error))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn read_bundle(path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |reason: String| {
        Error::new(ErrorKind::Config, format!("the certificates of {path} cannot be used"))
            .because(reason)
            .hint("SEQERA_CA_BUNDLE (ca_bundle in config.toml) has to name a PEM file.")
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(format!("{error:?}")))?;
    if certificates.is_empty() {
        Err(wrong("there is no certificate in it".to_owned()))
    } else {
        Ok(certificates)
    }
}

#[derive(Debug)]
struct LateVerifier {
    provider: Arc<CryptoProvider>,
    extra: Vec<CertificateDer<'static>>,
    inner: OnceLock<Result<Arc<WebPkiServerVerifier>, rustls::Error>>,
}

impl LateVerifier {
    fn inner(&self) -> Result<&Arc<WebPkiServerVerifier>, rustls::Error> {
        self.inner.get_or_init(|| self.load()).as_ref().map_err(Clone::clone)
    }

    /// The system's roots (or those of `SSL_CERT_FILE`) and our own.
    fn load(&self) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| {
                rustls::Error::General(format!("no certificate authorities were found: {error}"))
            })
    }
}

impl ServerCertVerifier for LateVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
