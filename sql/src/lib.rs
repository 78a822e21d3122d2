//! Opledger's PostgreSQL schema: the files of `sql/`, in the order of `install.sql`, with their checksums.
//!
//! psql reads the files itself (`psql -f sql/install.sql`); a program without psql runs [`install_script`].
//!
//! ```
//! let script = opledger_sql::install_script();
//! assert!(script.starts_with("BEGIN;") && script.trim_end().ends_with("COMMIT;"));
//! ```

mod files;

use sha2::{Digest, Sha256};

/// The manifest that psql reads: the transaction and the order of the files.
pub const INSTALL: &str = include_str!("../install.sql");
/// The manifest that removes the schema.
pub const UNINSTALL: &str = include_str!("../uninstall.sql");
/// The file that records the checksums of the others; made by [`checksums_file`].
pub const CHECKSUMS: &str = "checksums.sql";

/// One file of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its path below `sql/`.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl File {
    /// SHA-256 of its text, in hex.
    #[must_use]
    pub fn checksum(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The files that install the schema, in order.
#[must_use]
pub fn install_files() -> Vec<File> {
    listed(INSTALL)
}

/// All that installs the schema or brings it up to date, as one text for a simple query.
#[must_use]
pub fn install_script() -> String {
    script(INSTALL)
}

/// All that removes the schema, as one text for a simple query.
#[must_use]
pub fn uninstall_script() -> String {
    script(UNINSTALL)
}

/// The version of the schema that these files make: the number of the last of `migrations/`.
#[must_use]
pub fn schema_version() -> u32 {
    let number = |path: &str| path.strip_prefix("migrations/")?.split('_').next()?.parse().ok();
    paths(INSTALL).filter_map(number).max().unwrap_or(0)
}

/// What `checksums.sql` must hold: psql can't hash files, so a file tells the database.
#[must_use]
pub fn checksums_file() -> String {
    let files: Vec<File> = install_files().into_iter().filter(|file| file.path != CHECKSUMS).collect();
    let rows: Vec<String> =
        files.iter().map(|file| format!("    ('{}', '\\x{}')", file.path, file.checksum())).collect();
    let names: Vec<String> = files.iter().map(|file| format!("    '{}'", file.path)).collect();
    format!(
        "-- Generated: cargo run -p opledger-sql --example checksums\n\
         INSERT INTO script_tracking.installed_file AS f (file, checksum) VALUES\n{}\n\
         ON CONFLICT (file) DO UPDATE SET checksum = excluded.checksum, installed_at = excluded.installed_at\n\
         \x20   WHERE f.checksum <> excluded.checksum;\n\
         DELETE FROM script_tracking.installed_file WHERE file NOT IN (\n{});\n",
        rows.join(",\n"),
        names.join(",\n")
    )
}

/// The paths that a manifest names, in order.
fn paths(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.lines().filter_map(|line| line.strip_prefix("\\ir ")).map(str::trim)
}

fn find(path: &str) -> Option<File> {
    files::FILES.iter().find(|(name, _)| *name == path).map(|(path, text)| File { path, text })
}

fn listed(manifest: &str) -> Vec<File> {
    paths(manifest).filter_map(find).collect()
}

fn script(manifest: &str) -> String {
    let mut script = "BEGIN;\n".to_owned();
    for file in listed(manifest) {
        script.push_str(file.text);
    }
    script.push_str("COMMIT;\n");
    script
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn on_disk(folder: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                on_disk(&entry.path(), &format!("{path}/"), found);
            } else if path.ends_with(".sql") {
                found.insert(path);
            }
        }
    }

    #[test]
    fn manifest_crate_and_disk_agree() {
        let mut disk = BTreeSet::new();
        on_disk(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut disk);
        disk.retain(|path| {
            !path.starts_with("tests/")
                && !path.starts_with("examples/")
                && path != "install.sql"
                && path != "uninstall.sql"
        });
        let manifests: Vec<&str> = paths(INSTALL).chain(paths(UNINSTALL)).collect();
        let listed: BTreeSet<String> = manifests.iter().map(|path| (*path).to_owned()).collect();
        let embedded: BTreeSet<String> = files::FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed.len(), manifests.len(), "a file is listed twice");
        assert_eq!(listed, disk, "install.sql and uninstall.sql must name each file below sql/");
        assert_eq!(embedded, disk, "src/files.rs must name each file below sql/");
    }

    #[test]
    fn manifests_hold_only_the_transaction_and_includes() {
        for line in INSTALL.lines().chain(UNINSTALL.lines()) {
            let known = ["BEGIN;", "COMMIT;", "", "\\set ON_ERROR_STOP on"].contains(&line);
            assert!(known || line.starts_with("--") || line.starts_with("\\ir "), "{line}");
        }
    }

    #[test]
    fn the_last_migration_is_the_version() {
        let count = install_files().iter().filter(|file| file.path.starts_with("migrations/")).count();
        assert_eq!(usize::try_from(schema_version()).unwrap(), count, "migrations/ is numbered without a gap");
    }

    #[test]
    fn recorded_checksums_are_those_of_the_files() {
        let recorded = find(CHECKSUMS).unwrap().text;
        assert_eq!(recorded, checksums_file(), "run: cargo run -p opledger-sql --example checksums");
    }
}
