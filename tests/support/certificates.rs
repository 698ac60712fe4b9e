//! Certificates made on the spot: an authority, servers, and callers by SPIFFE ID.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// A certificate authority that writes what it issues as PEM files into a folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    name: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    /// Makes an authority; its certificate is `<folder>/<name>.pem`. Two of them
    /// in one folder need two names: what one signs, the other does not vouch for.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(folder: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        fs::write(folder.join(format!("{name}.pem")), certificate.pem())?;
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    /// A server's certificate for `localhost` and 127.0.0.1.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn server(&self, name: &str) -> Result<Identity, Box<dyn Error>> {
        let names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ];
        self.issue(name, name, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A caller's certificate with these URI SANs, in this order: none, a SPIFFE
    /// ID, or several.
    ///
    /// # Errors
    /// When a URI is not ASCII, or the folder cannot be written.
    pub fn client(&self, name: &str, uris: &[&str]) -> Result<Identity, Box<dyn Error>> {
        let names = uris
            .iter()
            .map(|uri| Ok(SanType::URI((*uri).try_into()?)))
            .collect::<Result<Vec<_>, rcgen::Error>>()?;
        self.client_with(name, names)
    }

    /// A caller's certificate with whatever names it is to have.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn client_with(&self, name: &str, names: Vec<SanType>) -> Result<Identity, Box<dyn Error>> {
        self.client_called(name, name, names)
    }

    /// The same, with a common name that the file's name could not be.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn client_called(
        &self,
        name: &str,
        common_name: &str,
        names: Vec<SanType>,
    ) -> Result<Identity, Box<dyn Error>> {
        self.issue(
            name,
            common_name,
            names,
            ExtendedKeyUsagePurpose::ClientAuth,
        )
    }

    fn issue(
        &self,
        name: &str,
        common_name: &str,
        names: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity, Box<dyn Error>> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let identity = Identity {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        fs::write(&identity.certificate, certificate.pem())?;
        write_secret(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

/// Writes what only its owner may read.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    // One of before may have had others.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}
