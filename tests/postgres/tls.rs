//! TLS with a server that has it: certificates are made here, and everything that `sslmode` promises is held against them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use opledger::{Error, ErrorKind, NewOperation, Tracker};
use opledger_postgres::{Config, PostgresStore, Session};
use opledger_testkit_postgres::Server;
use pollster::block_on;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// An address of this machine's that only this process' server listens on: all of 127/8 is.
fn own_address() -> String {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    format!("127.{}.{b}.{}", 64 + a % 64, c.clamp(1, 254))
}

/// The name in the server's certificate.
const HOST: &str = "db.example";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a file that its owner alone may read.
fn write(path: &Path, text: &str, owner: Option<(u32, u32)>) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    if let Some((user, group)) = owner {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

/// Writes `name.crt` and `name.key`, signed by `authority`.
fn issue(
    authority: &Authority,
    folder: &Path,
    name: &str,
    common_name: &str,
    hosts: &[&str],
    owner: Option<(u32, u32)>,
) {
    let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    write(&folder.join(name).with_extension("crt"), &certificate.pem(), owner);
    write(&folder.join(name).with_extension("key"), &key.serialize_pem(), owner);
}

/// Without TLS nobody; `certified` by a certificate, `known` by a password, `twofold` by both, others as they are.
const RULES: &str = "local all all trust
hostnossl all all 127.0.0.0/8 reject
hostssl all certified 127.0.0.0/8 cert
hostssl all twofold 127.0.0.0/8 scram-sha-256 clientcert=verify-full
hostssl all known 127.0.0.0/8 scram-sha-256
hostssl all all 127.0.0.0/8 trust
";

struct Secured {
    address: String,
    /// Our files: the roots, and certificates for clients.
    files: tempfile::TempDir,
    server: Server,
}

impl Secured {
    fn start() -> Self {
        let address = own_address();
        let server = Server::builder().setting("listen_addresses", &address).start().unwrap();
        let (right, wrong) = (authority("right"), authority("wrong"));
        let theirs = server.files_folder();
        issue(&right, &theirs, "server", "server", &[HOST], server.user());
        write(&theirs.join("root.crt"), &right.pem(), server.user());
        write(&theirs.join("data/pg_hba.conf"), RULES, server.user());
        let files = tempfile::tempdir().unwrap();
        issue(&right, files.path(), "certified", "certified", &[], None);
        issue(&right, files.path(), "twofold", "twofold", &[], None);
        issue(&right, files.path(), "open", "certified", &[], None);
        issue(&wrong, files.path(), "forged", "certified", &[], None);
        write(&files.path().join("right.crt"), &right.pem(), None);
        write(&files.path().join("wrong.crt"), &wrong.pem(), None);
        let mut client = postgres::Client::connect(&server.dsn("postgres", "postgres"), postgres::NoTls).unwrap();
        for setting in [
            "ssl_cert_file = '../server.crt'",
            "ssl_key_file = '../server.key'",
            "ssl_ca_file = '../root.crt'",
            "ssl = on",
        ] {
            client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).unwrap();
        }
        client
            .batch_execute("CREATE ROLE certified LOGIN; CREATE ROLE twofold LOGIN PASSWORD 'sesame'; CREATE ROLE known LOGIN PASSWORD 'open: \\sesame'; SELECT pg_reload_conf()")
            .unwrap();
        // The server takes the files up in its own time.
        let began = std::time::Instant::now();
        loop {
            let mut later = postgres::Client::connect(&server.dsn("postgres", "postgres"), postgres::NoTls).unwrap();
            if later.query_one("SHOW ssl", &[]).unwrap().get::<_, String>(0) == "on" {
                break;
            }
            assert!(began.elapsed().as_secs() < 60, "the server does not take its certificate up");
        }
        Self { address, files, server }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Whether the session of this user is encrypted, and the name in its certificate.
    fn connect(&self, host: &str, user: &str, options: &str) -> Result<(String, Option<String>), Error> {
        self.connect_in(host, user, options, |_| None)
    }

    fn connect_in(
        &self,
        host: &str,
        user: &str,
        options: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<(String, Option<String>), Error> {
        let dsn = format!("host={host} hostaddr={} user={user} dbname=postgres {options}", self.address);
        let config = Config::with_environment(&dsn, environment)?;
        let session = block_on(Session::connect(&config))?;
        let sql = "SELECT ssl::text, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let mut rows = block_on(session.query(sql, &[]))?;
        let mut row = rows.remove(0);
        Ok((row[0].take().unwrap(), row[1].take()))
    }

    /// The options that name one of our roots.
    fn roots(&self, mode: &str, roots: &str) -> String {
        format!("sslmode={mode} sslrootcert={}", self.file(roots).display())
    }
}

fn encrypted() -> (String, Option<String>) {
    ("true".to_owned(), None)
}

fn is_refused(done: Result<(String, Option<String>), Error>, kind: ErrorKind, word: &str) {
    let error = done.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(word), "{error} does not say {word}");
}

/// The server of these tests.
fn secured() -> &'static Secured {
    static SERVER: OnceLock<Secured> = OnceLock::new();
    SERVER.get_or_init(Secured::start)
}

#[test]
fn sslmode_means_what_it_means_to_libpq() {
    let server = secured();
    // Unencrypted, the server's own rules refuse.
    is_refused(server.connect(HOST, "postgres", "sslmode=disable"), ErrorKind::Permission, "no encryption");
    for mode in ["allow", "prefer", "require"] {
        assert_eq!(server.connect("any.other", "postgres", &format!("sslmode={mode}")).unwrap(), encrypted(), "{mode}");
    }
    for mode in ["require", "verify-ca"] {
        // Another host's name does not matter, another root does.
        let roots = |roots| server.roots(mode, roots);
        assert_eq!(server.connect("any.other", "postgres", &roots("right.crt")).unwrap(), encrypted(), "{mode}");
        is_refused(server.connect(HOST, "postgres", &roots("wrong.crt")), ErrorKind::Connection, "certificate");
    }
    let full = |host, roots| server.connect(host, "postgres", &server.roots("verify-full", roots));
    assert_eq!(full(HOST, "right.crt").unwrap(), encrypted());
    is_refused(full("any.other", "right.crt"), ErrorKind::Connection, "certificate");
    is_refused(full(HOST, "wrong.crt"), ErrorKind::Connection, "certificate");
    is_refused(full(HOST, "none.crt"), ErrorKind::InvalidValue, "none.crt");
    // An address is no name in that certificate.
    let address = server.address.as_str();
    is_refused(full(address, "right.crt"), ErrorKind::Connection, "certificate");
}

#[test]
fn the_systems_roots_do_not_know_a_certificate_of_our_own() {
    let server = secured();
    let with = |options: &str| server.connect(HOST, "postgres", options);
    for options in ["sslmode=verify-full", "sslmode=verify-full sslrootcert=system", "sslrootcert=system"] {
        let error = with(options).unwrap_err();
        // A machine may have no roots at all.
        assert!(matches!(error.kind(), ErrorKind::Connection | ErrorKind::MissingDependency), "{options}: {error}");
        assert!(error.to_string().contains("certificate"), "{options}: {error}");
    }
    is_refused(with("sslmode=require sslrootcert=system"), ErrorKind::InvalidValue, "verify-full");
}

#[test]
fn a_clients_certificate_says_who_it_is() {
    let server = secured();
    let with = |name: &str| {
        let (certificate, key) = (server.file(&format!("{name}.crt")), server.file(&format!("{name}.key")));
        let roots = server.roots("verify-full", "right.crt");
        format!("{roots} sslcert={} sslkey={}", certificate.display(), key.display())
    };
    let named = |user, by| {
        let (encrypted, named) = server.connect(HOST, user, &with(by)).unwrap();
        assert_eq!(encrypted, "true");
        assert!(named.as_deref().is_some_and(|name| name.contains("CN=certified")), "{named:?}");
    };
    named("certified", "certified");
    // Beside a password, it must be there and be this user's (clientcert=verify-full).
    is_refused(
        server.connect(HOST, "twofold", "sslmode=require password=sesame"),
        ErrorKind::Permission,
        "certificate",
    );
    let both = |name: &str| server.connect(HOST, "twofold", &format!("{} password=sesame", with(name)));
    assert!(both("twofold").is_ok());
    // The server does not tell which of the two it was.
    is_refused(both("certified"), ErrorKind::Permission, "authentication failed");
    is_refused(server.connect(HOST, "certified", "sslmode=require"), ErrorKind::Permission, "certificate");
    // One that nobody known has signed ends the connection.
    assert_eq!(server.connect(HOST, "certified", &with("forged")).unwrap_err().kind(), ErrorKind::Connection);

    let key_alone = format!("sslmode=require sslkey={}", server.file("certified.key").display());
    is_refused(server.connect(HOST, "certified", &key_alone), ErrorKind::InvalidValue, "sslcert and sslkey");
    let key = server.file("open.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    is_refused(server.connect(HOST, "certified", &with("open")), ErrorKind::InvalidValue, "chmod 0600");
}

#[test]
fn a_password_comes_from_a_file_that_is_its_owners() {
    let server = secured();
    let passwords = server.file("passwords");
    let environment = |name: &str| (name == "PGPASSFILE").then(|| passwords.display().to_string());
    let known = |host| server.connect_in(host, "known", "sslmode=require", environment);
    // A colon and a backslash are escaped; the first line that fits is taken.
    write(&passwords, &format!("other:*:*:known:wrong\n{HOST}:5432:*:known:open\\: \\\\sesame\n"), None);
    assert!(known(HOST).is_ok());
    is_refused(known("other"), ErrorKind::Permission, "password authentication failed");
    // No line fits: it used to be told as a connection that failed, and was tried again and at every other host.
    is_refused(known("third"), ErrorKind::Permission, "no password was given");
    is_refused(server.connect(HOST, "known", "sslmode=require"), ErrorKind::Permission, "no password was given");
    write(&passwords, "*:*:*:*:open\\: \\\\sesame\n", None);
    assert!(known("third").is_ok());
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o644)).unwrap();
    is_refused(known("third"), ErrorKind::Permission, "no password was given");
}

#[test]
fn a_store_works_over_tls() {
    let server = secured();
    let mut admin = postgres::Client::connect(&server.server.dsn("postgres", "postgres"), postgres::NoTls).unwrap();
    admin.batch_execute(&opledger_sql::install_script()).unwrap();
    let dsn = format!(
        "host={HOST} hostaddr={} user=postgres dbname=postgres {}",
        server.address,
        server.roots("verify-full", "right.crt")
    );
    let store = PostgresStore::open(&Config::with_environment(&dsn, |_| None).unwrap()).unwrap();
    let tracker = Tracker::new(store);
    block_on(async {
        let handle = tracker.start(NewOperation::new("over tls")).await.unwrap();
        assert!(handle.complete().await.unwrap().is_recorded());
        tracker.close().await.unwrap();
    });
}
