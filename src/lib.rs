//! Opledger.
