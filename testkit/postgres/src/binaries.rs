//! Where PostgreSQL's programs are. Distributions keep the server's out of PATH.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Result};

/// The package that has the server, on Debian and what descends from it.
pub const PACKAGE: &str = "postgresql";

/// A folder with the programs of one PostgreSQL version.
#[derive(Debug, Clone)]
pub struct Binaries(PathBuf);

impl Binaries {
    /// Looks on PATH, asks pg_config, then looks where distributions put them; the newest version wins there.
    ///
    /// # Errors
    /// Gives [`Error::Missing`] when no folder has both `initdb` and `postgres`.
    pub fn find() -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path);
        on_path.chain(by_pg_config()).chain(usual_folders()).find_map(Self::in_folder).ok_or(Error::Missing)
    }

    fn in_folder(folder: PathBuf) -> Option<Self> {
        // A link on PATH leads to the folder that has all of them.
        let server = folder.join("postgres").canonicalize().ok()?;
        let folder = server.parent()?.to_owned();
        folder.join("initdb").is_file().then_some(Self(folder))
    }

    /// The path of one program.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for parent in ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/local/pgsql"] {
        folders.push(Path::new(parent).join("bin"));
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            folders.push(entry.path().join("bin"));
        }
    }
    for entry in std::fs::read_dir("/usr").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("pgsql-") {
            folders.push(entry.path().join("bin"));
        }
    }
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders
}

/// The number in a folder's name: `/usr/lib/postgresql/15/bin` has 15.
fn version(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
