//! A file that is appended to: records with their length and checksum, and no index. What no ledger can beat, for it
//! can only be read from its beginning to its end.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use opledger::store::Unit;
use opledger::{Error, ErrorKind, Result, Status};

use super::Baseline;
use super::row::{self, HubRow, VersionRow};
use crate::failure::io;
use crate::ledger::Reader;

const HUB: u8 = b'h';
const VERSION: u8 = b'v';

/// One file of records.
#[derive(Debug)]
pub struct Append {
    path: PathBuf,
    file: File,
}

impl Append {
    /// Opens or makes it in the folder `dir`.
    ///
    /// # Errors
    /// Gives what the operating system says.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("ledger.log");
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(io("open", &path))?;
        Ok(Self { path, file })
    }

    /// The next record, with its kind before it; none at the end of the file.
    fn read(&self, from: &mut impl Read) -> Result<Option<Vec<u8>>> {
        let mut head = [0; 8];
        match from.read_exact(&mut head) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read.map_err(io("read", &self.path))?,
        }
        let [a, b, c, d, e, f, g, h] = head;
        let (length, checksum) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let mut record = Vec::new();
        from.by_ref().take(length.into()).read_to_end(&mut record).map_err(io("read", &self.path))?;
        if record.len() as u64 != u64::from(length) || crc32fast::hash(&record) != checksum {
            return Err(Error::new(ErrorKind::Corrupt, format!("a record of {} is damaged", self.path.display())));
        }
        Ok(Some(record))
    }
}

fn record(bytes: &mut Vec<u8>, kind: u8, row: Vec<u8>) -> Result<()> {
    let mut body = vec![kind];
    body.extend(row);
    let length = u32::try_from(body.len()).map_err(|_| Error::new(ErrorKind::TooLong, "a record is over 4 GiB"))?;
    bytes.extend(length.to_le_bytes());
    bytes.extend(crc32fast::hash(&body).to_le_bytes());
    bytes.extend(body);
    Ok(())
}

impl Baseline for Append {
    fn commit(&self, units: &[Unit]) -> Result<()> {
        let mut bytes = Vec::new();
        for unit in units {
            let (hub, version) = row::rows(unit)?;
            if let Some(hub) = hub {
                record(&mut bytes, HUB, row::encode(&hub)?)?;
            }
            record(&mut bytes, VERSION, row::encode(&version)?)?;
        }
        (&self.file).write_all(&bytes).map_err(io("write", &self.path))
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(io("sync", &self.path))
    }

    fn reader(&self) -> Option<&dyn Reader> {
        None
    }

    fn recount(&self, each: &mut dyn FnMut(Option<u64>, Status)) -> Result<u64> {
        let mut from = BufReader::new(File::open(&self.path).map_err(io("open", &self.path))?);
        let (mut hubs, mut versions, mut stand) = (0_u64, 0, HashMap::new());
        while let Some(record) = self.read(&mut from)? {
            match record.split_first() {
                Some((&HUB, row)) => {
                    row::decode::<HubRow>(row)?;
                    hubs += 1;
                }
                Some((&VERSION, row)) => {
                    let version: VersionRow = row::decode(row)?;
                    versions += 1;
                    stand.insert(version.hk, (version.number(), version.execution_status));
                }
                _ => return Err(Error::new(ErrorKind::Corrupt, "a record is of no known kind")),
            }
        }
        if hubs != stand.len() as u64 {
            let message = format!("{hubs} hubs, and versions of {} operations", stand.len());
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        for (number, code) in stand.into_values() {
            each(number, row::status(code)?);
        }
        Ok(versions)
    }

    fn close(self) -> Result<()> {
        Ok(())
    }
}
