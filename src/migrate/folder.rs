//! A folder of migrations.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use super::file::{Migration, Script};
use super::state::MigrationKind;
use super::version::MigrationVersion;
use crate::error::{Error, ErrorKind, Result};

/// The largest file, in bytes (256 MiB).
const LARGEST: u64 = 256 << 20;
/// The longest name of a file, in characters; the table has no room for more.
const LONGEST_NAME: usize = 255;

/// Reads the migrations of a folder: versioned ones in the order of their versions, then repeatable ones by name.
///
/// `V001__name.sql` runs once, `R__name.sql` whenever it changed, `V001__name.down.sql` takes back what stands beside it.
/// Other files that end in `.sql` are refused; all else, and folders within the folder, are not looked at.
///
/// # Errors
/// Gives 22023 or 22P02 naming every file that is wrong: its name, its size, its encoding, a version that two have, a file
/// that takes back what is not there. Gives 58030 where a file can't be read.
pub fn read_folder(folder: impl AsRef<Path>) -> Result<Vec<Migration>> {
    let folder = folder.as_ref();
    let unreadable = |path: &Path, cause: io::Error| {
        let wrong = matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let kind = if wrong { ErrorKind::InvalidValue } else { ErrorKind::Io };
        Error::new(kind, format!("{} can't be read: {cause}", path.display())).caused_by(cause)
    };
    let mut found = Found::default();
    for entry in fs::read_dir(folder).map_err(|cause| unreadable(folder, cause))? {
        let path = entry.map_err(|cause| unreadable(folder, cause))?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        // Editors leave hidden files.
        if !name.ends_with(".sql") || name.starts_with('.') {
            continue;
        }
        let metadata = fs::metadata(&path).map_err(|cause| unreadable(&path, cause))?;
        if metadata.is_dir() {
            continue;
        }
        if metadata.len() > LARGEST {
            found.wrong.push(format!("{name} is {} bytes long; the limit is {LARGEST}", metadata.len()));
            continue;
        }
        let bytes = fs::read(&path).map_err(|cause| unreadable(&path, cause))?;
        found.add(&name, bytes);
    }
    found.migrations()
}

#[derive(Default)]
struct Found {
    ups: Vec<Migration>,
    /// By the name of what they take back.
    downs: HashMap<String, Script>,
    wrong: Vec<String>,
}

impl Found {
    fn add(&mut self, name: &str, bytes: Vec<u8>) {
        if let Err(error) = self.try_add(name, bytes) {
            self.wrong.push(error.message().to_owned());
        }
    }

    fn try_add(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let length = name.chars().count();
        if length > LONGEST_NAME {
            let message = format!("the file name {name} is {length} characters long; the limit is {LONGEST_NAME}");
            return Err(Error::new(ErrorKind::TooLong, message));
        }
        let script = Script::new(name, bytes)?;
        if let Some(up) = name.strip_suffix(".down.sql") {
            parse(up, name)?;
            self.downs.insert(format!("{up}.sql"), script);
            return Ok(());
        }
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        let (number, description) = parse(stem, name)?;
        let kind = if number.is_some() { MigrationKind::Versioned } else { MigrationKind::Repeatable };
        let version = number.as_ref().map_or(stem, MigrationVersion::as_str).to_owned();
        let description = description.replace('_', " ");
        self.ups.push(Migration { kind, version, number, description, up: script, down: None });
        Ok(())
    }

    fn migrations(mut self) -> Result<Vec<Migration>> {
        self.ups.sort_by(|a, b| (a.kind, &a.number, &a.version).cmp(&(b.kind, &b.number, &b.version)));
        for pair in self.ups.windows(2) {
            if let [a, b] = pair
                && a.number.is_some()
                && a.number == b.number
            {
                self.wrong.push(format!("{} and {} have one version", a.up.file, b.up.file));
            }
        }
        for migration in &mut self.ups {
            migration.down = self.downs.remove(&migration.up.file);
            if migration.number.is_none()
                && let Some(down) = &migration.down
            {
                self.wrong.push(format!("{}: a repeatable migration can't be taken back", down.file));
            }
        }
        self.wrong.extend(self.downs.iter().map(|(up, down)| format!("{}: there is no {up} to take back", down.file)));
        if self.wrong.is_empty() {
            return Ok(self.ups);
        }
        self.wrong.sort();
        Err(Error::new(ErrorKind::InvalidValue, self.wrong.join("\n")))
    }
}

/// Version and description of a file's name without its ending; no version for a repeatable one.
fn parse<'n>(stem: &'n str, name: &str) -> Result<(Option<MigrationVersion>, &'n str)> {
    let unknown = || {
        let message = format!("{name}: names are V001__name.sql, V001__name.down.sql or R__name.sql");
        Error::new(ErrorKind::InvalidValue, message)
    };
    let (head, description) = stem.split_once("__").filter(|(_, rest)| !rest.is_empty()).ok_or_else(unknown)?;
    match head.strip_prefix('V') {
        Some(version) => {
            let version =
                version.parse().map_err(|error: Error| Error::new(error.kind(), format!("{name}: {error}")))?;
            Ok((Some(version), description))
        }
        None if head == "R" => Ok((None, description)),
        None => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> Result<Vec<Migration>> {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(dir.path().join(file), "SELECT 1;").unwrap();
        }
        read_folder(dir.path())
    }

    #[test]
    fn files_are_in_the_order_they_run() {
        let files =
            ["V10__c.sql", "R__b.sql", "V2__b_x.sql", "V001__a.sql", "R__a.sql", "V2__b_x.down.sql", "README.md"];
        let found = folder(&files).unwrap();
        let names: Vec<_> = found.iter().map(|migration| migration.up.file.as_str()).collect();
        assert_eq!(names, ["V001__a.sql", "V2__b_x.sql", "V10__c.sql", "R__a.sql", "R__b.sql"]);
        let versions: Vec<_> = found.iter().map(|migration| migration.version.as_str()).collect();
        assert_eq!(versions, ["001", "2", "10", "R__a", "R__b"]);
        assert_eq!(found[1].description, "b x");
        assert_eq!(found[1].down.as_ref().unwrap().file, "V2__b_x.down.sql");
    }

    #[test]
    fn every_wrong_file_is_named() {
        let files = ["V1__a.sql", "V001__b.sql", "x.sql", "V1_a.sql", "Vx__a.sql", "V3__.sql", "V4__a.down.sql"];
        let files = [&files[..], &["R__c.sql", "R__c.down.sql"]].concat();
        let message = folder(&files).unwrap_err().message().to_owned();
        for words in [
            "V001__b.sql and V1__a.sql have one version",
            "x.sql: names are",
            "V1_a.sql: names are",
            "Vx__a.sql: \"x\" is no version",
            "V3__.sql: names are",
            "V4__a.down.sql: there is no V4__a.sql",
            "R__c.down.sql: a repeatable",
        ] {
            assert!(message.contains(words), "{words}: {message}");
        }
        let missing = read_folder("/nowhere/at/all").unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::InvalidValue);
    }
}
