//! Writes `sql/src/files.rs` (each file on disk) and `sql/checksums.sql`. Run it after a change to any file of `sql/`:
//! `cargo run -p opledger-sql --example checksums`

use std::fs;
use std::path::Path;
use std::process::Command;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in fs::read_dir(root)? {
        let folder = folder?;
        let name = folder.file_name().to_string_lossy().into_owned();
        if folder.file_type()?.is_dir() && !["src", "tests", "examples"].contains(&name.as_str()) {
            for file in fs::read_dir(folder.path())? {
                files.push(format!("{name}/{}", file?.file_name().to_string_lossy()));
            }
        }
    }
    files.push(opledger_sql::CHECKSUMS.to_owned());
    files.sort();
    let mut text = "//! The files, embedded. Generated: cargo run -p opledger-sql --example checksums\n\n".to_owned();
    text.push_str("#[rustfmt::skip]\npub(crate) const FILES: &[(&str, &str)] = &[\n");
    for file in &files {
        text.push_str(&format!("    (\"{file}\", include_str!(\"../{file}\")),\n"));
    }
    text.push_str("];\n");
    if write_if_changed(&root.join("src/files.rs"), &text)? {
        // The list is compiled in: only the next run knows all of it.
        return rerun();
    }
    write_if_changed(&root.join(opledger_sql::CHECKSUMS), &opledger_sql::checksums_file()).map(drop)
}

fn rerun() -> std::io::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["run", "-q", "-p", "opledger-sql", "--example", "checksums"]).status()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other(format!("the second run ended with {status}"))) }
}

fn write_if_changed(path: &Path, text: &str) -> std::io::Result<bool> {
    if fs::read_to_string(path).unwrap_or_default() == text {
        return Ok(false);
    }
    println!("wrote {}", path.display());
    fs::write(path, text)?;
    Ok(true)
}
