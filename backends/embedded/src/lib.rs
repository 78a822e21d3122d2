//! What every embedded engine shares.
pub mod engine;
