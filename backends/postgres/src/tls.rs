//! TLS by rustls, with what libpq's sslmode means.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opledger::{Error, ErrorKind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How much of TLS is asked for, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    pub(crate) const NAMES: [(&str, Self); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];
}

/// The files that TLS needs, and where they would be by default.
#[derive(Clone, Default)]
pub(crate) struct TlsFiles {
    /// `system` for the system's own.
    roots: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl TlsFiles {
    /// What was given, else libpq's files in the home folder where they exist.
    pub(crate) fn new<'a>(given: impl Fn(&str) -> Option<&'a str>, home: Option<&Path>) -> Self {
        let found = |option: &str, file: &str| {
            let by_default = || Some(home?.join(".postgresql").join(file)).filter(|path| path.exists());
            given(option).map(PathBuf::from).or_else(by_default)
        };
        Self {
            roots: found("sslrootcert", "root.crt"),
            certificate: found("sslcert", "postgresql.crt"),
            key: found("sslkey", "postgresql.key"),
        }
    }

    /// The mode that was given, or libpq's default. With the system's roots, which sign for half the world, none but a
    /// certificate of the right name tells anything: as in libpq, nothing less is taken.
    ///
    /// # Errors
    /// Gives 22023 for less.
    pub(crate) fn mode(&self, given: Option<SslMode>) -> Result<SslMode> {
        match (self.has_system_roots(), given) {
            (true, Some(mode)) if mode != SslMode::VerifyFull => {
                Err(Error::new(ErrorKind::InvalidValue, "sslrootcert=system needs sslmode=verify-full"))
            }
            (true, _) => Ok(SslMode::VerifyFull),
            (false, given) => Ok(given.unwrap_or(SslMode::Prefer)),
        }
    }

    fn has_system_roots(&self) -> bool {
        self.roots.as_deref() == Some(Path::new("system"))
    }
}

/// What makes TLS connections as `mode` asks.
///
/// # Errors
/// Names the file that can't be used, or says that the system has no root certificates.
pub(crate) fn connector(mode: SslMode, files: &TlsFiles) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(mode, files, &provider)?;
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unusable)?;
    let config = config.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            config
                .with_client_auth_cert(chain, private_key(key)?)
                .map_err(|cause| broken("sslcert and sslkey can't be used together", certificate, cause))?
        }
        (None, None) => config.with_no_client_auth(),
        _ => return Err(Error::new(ErrorKind::InvalidValue, "sslcert and sslkey must be given both, or neither")),
    };
    // Asked for by servers that are spoken to by TLS at once; others don't look.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(mode: SslMode, files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    // As in libpq: with a file of roots at hand, `require` looks at the chain too.
    let given = files.roots.as_deref().filter(|_| !files.has_system_roots());
    if mode < SslMode::Require || (mode == SslMode::Require && given.is_none()) {
        return Ok(Arc::new(Lenient { provider: Arc::clone(provider), roots: None }));
    }
    let roots = match given {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system()?,
    };
    if mode == SslMode::VerifyFull {
        let full = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        return full.map(|full| full as Arc<dyn ServerCertVerifier>).map_err(unusable);
    }
    Ok(Arc::new(Lenient { provider: Arc::clone(provider), roots: Some(roots) }))
}

/// Looks at less than a browser does: at the chain alone, or, without roots, at nothing but the handshake's signatures.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    roots: Option<RootCertStore>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            rustls::client::verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                algorithms,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn roots_of_file(path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|cause| broken("sslrootcert holds what is no root certificate", path, cause))?;
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if usable == 0 {
        let message =
            "the system has no root certificates; install them (ca-certificates), or name a file as sslrootcert";
        return Err(Error::new(ErrorKind::MissingDependency, message));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = |cause| broken("a file of certificates can't be read", path, cause);
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)?;
    if found.is_empty() {
        let message = format!("{} holds no certificate in PEM form", path.display());
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    if is_open_to_others(path) {
        let message = format!("others may read the private key {}: chmod 0600", path.display());
        return Err(Error::new(ErrorKind::InvalidValue, message));
    }
    PrivateKeyDer::from_pem_file(path)
        .map_err(|cause| broken("sslkey can't be read (a key with a password can't)", path, cause))
}

/// As libpq judges: one of root's may be read by a group too.
#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|file| file.mode() & if file.uid() == 0 { 0o037 } else { 0o077 } != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

fn broken(what: &str, path: &Path, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("{what}: {}: {cause}", path.display())).caused_by(cause)
}

fn unusable(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("TLS can't be set up: {cause}")).caused_by(cause)
}
