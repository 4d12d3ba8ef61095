//! https, with a certificate authority that lives as long as the emulator.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::state::{Certificate, Options};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

/// Makes an authority, writes it into `file`, and serves with a certificate for this machine.
pub(super) fn acceptor(file: &Path, options: &Options) -> io::Result<TlsAcceptor> {
    let authority_key = KeyPair::generate().map_err(io::Error::other)?;
    let authority = authority().map_err(io::Error::other)?;
    let root = authority.self_signed(&authority_key).map_err(io::Error::other)?;
    std::fs::write(file, root.pem())?;
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().map_err(io::Error::other)?;
    let leaf =
        leaf(options).and_then(|parameters| parameters.signed_by(&key, &issuer)).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let key = PrivatePkcs8KeyDer::from(key.serialize_der());
            builder.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key.into())
        })
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn leaf(options: &Options) -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    names.extend(options.host_name.clone());
    let mut leaf = CertificateParams::new(match options.certificate {
        Certificate::OfAnother => vec!["another.example".to_owned()],
        _ => names,
    })?;
    match options.certificate {
        Certificate::Expired => leaf.not_after = rcgen::date_time_ymd(2020, 1, 1),
        Certificate::NotYet => leaf.not_before = rcgen::date_time_ymd(2999, 1, 1),
        _ => {}
    }
    Ok(leaf)
}

fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority.distinguished_name.push(DnType::CommonName, "Seqera emulator");
    Ok(authority)
}
