//! Which servers are believed, with the roots loaded beside the first handshake.
//!
//! Loading the system's roots takes milliseconds, and a command that talks to this machine alone needs none. So they
//! are loaded on a thread of their own, started with the first https request: while it connects, they arrive.

use std::sync::{Arc, Once, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use seqera_plugin_api::{Error, ErrorKind, Result};

/// The trust of every connection.
pub(crate) struct Trust {
    verifier: Arc<LateVerifier>,
    is_loading: Once,
}

impl Trust {
    /// `ca_bundle` is a PEM file whose authorities are believed as well as the system's.
    ///
    /// # Errors
    /// `Config` when the bundle cannot be read.
    pub(crate) fn new(ca_bundle: Option<String>) -> Result<Self> {
        let extra = ca_bundle.map(|path| read_bundle(&path)).transpose()?.unwrap_or_default();
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(LateVerifier { provider, extra, inner: OnceLock::new() });
        Ok(Self { verifier, is_loading: Once::new() })
    }

    /// The TLS settings of a client.
    ///
    /// # Errors
    /// `Failed` when the library does not accept its own defaults.
    pub(crate) fn client_config(&self) -> Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.verifier.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(ErrorKind::Failed, "cannot set up TLS").caused_by(&error))?;
        let verifier = Arc::clone(&self.verifier);
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    /// Begins to load the roots, once; whoever needs them first waits.
    pub(crate) fn load_roots(&self) {
        self.is_loading.call_once(|| {
            let verifier = Arc::clone(&self.verifier);
            let _without_a_thread_the_handshake_loads_them =
                std::thread::Builder::new().name("seqera-trust".to_owned()).spawn(move || {
                    let _the_handshake_says_it = verifier.inner().is_ok();
                });
        });
    }
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
