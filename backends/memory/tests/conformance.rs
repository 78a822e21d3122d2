//! The store contract, case by case.

use opledger_memory::MemoryStore;
use opledger_testkit::Fresh;

opledger_testkit::conformance_tests!(|| Fresh(MemoryStore::new));
