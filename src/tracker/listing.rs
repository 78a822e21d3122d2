//! Rows, and what could not be read on the way.

use crate::store::Damage;

/// Rows of a report, and the damaged records that were met while reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows that could be read.
    pub rows: Vec<T>,
    /// The records that could not; empty in a sound store.
    pub damaged: Vec<Damage>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), damaged: Vec::new() }
    }
}

impl<T> Listing<T> {
    pub(super) fn map<U>(self, convert: impl FnMut(T) -> U) -> Listing<U> {
        Listing { rows: self.rows.into_iter().map(convert).collect(), damaged: self.damaged }
    }
}

impl<T> IntoIterator for Listing<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}
