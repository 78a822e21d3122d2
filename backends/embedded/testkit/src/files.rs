//! Whole folders of files: listed, read, written, copied.

use std::fs;
use std::path::{Path, PathBuf};

/// All files below a folder, by their path in it.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Copies a store's folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in files(from) {
        fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
}

/// All files below a folder with their bytes.
pub fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(dir).into_iter().map(|path| (path.clone(), fs::read(dir.join(path)).unwrap())).collect()
}

/// Writes files with their bytes.
pub fn write_files(dir: &Path, files: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Files that an engine makes longer than what it has written lose the zeros at their end: fjall makes journals of
/// 64 MiB.
pub fn trim(dir: &Path) {
    for path in files(dir) {
        let path = dir.join(path);
        if fs::metadata(&path).unwrap().len() > 16 << 20 {
            let used = fs::read(&path).unwrap().iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(used).unwrap();
        }
    }
}

/// The name of a file without the numbers in it.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = if name.starts_with("snap") { "snap".into() } else { name };
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let stem = name.trim_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    if stem.is_empty() { folder.into_owned() } else { stem.to_owned() }
}
