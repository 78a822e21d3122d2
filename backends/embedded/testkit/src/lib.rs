//! For authors of engines: what an engine must do, on its own and under a store, on yours.
//!
//! ```ignore
//! // In your crate's tests/suite.rs:
//! struct Mine;
//!
//! impl opledger_engine_testkit::Subject for Mine {
//!     type Engine = my_crate::MyEngine;
//!     // …
//! }
//!
//! opledger_engine_testkit::engine_tests!(crate::Mine);
//! ```
//!
//! Some tests run their own binary again, as a process to kill, and some mount a small tmpfs.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a test says what is wrong by panicking, and is named by what it shows"
)]

use std::path::{Path, PathBuf};

use opledger_embedded::engine::Engine;

pub mod child;
pub mod contract;
pub mod crash;
pub mod damage;
pub mod entries;
pub mod files;
pub mod random;
pub mod store;
pub mod store_crash;
pub mod store_damage;
pub mod store_full_disk;
pub mod store_lock;

/// An engine under test, with what the tests can't know of it.
pub trait Subject: 'static {
    /// The engine.
    type Engine: Engine + std::fmt::Debug;

    /// Whether the engine itself notices each changed byte that it reads. Where it doesn't, the layout must.
    const VERIFIES: bool;

    /// Whether the engine has more kinds of files when it holds more.
    const SPREADS: bool;

    /// Whether a file of the engine (by its path in a folder above it) is the one that matters most.
    fn is_log(path: &Path) -> bool;

    /// Says what restoring from `aside` makes of the files in `dir`, which were `before` when they were opened; a word in
    /// upper case fails the test.
    fn kept(dir: &Path, aside: &Path, before: &[(PathBuf, Vec<u8>)]) -> &'static str;

    /// Cuts off a part of what the engine wrote last into its folder, in a way that it opens with less; false where it
    /// would not open at all.
    fn lose_tail(dir: &Path) -> bool;
}

/// Every test of this crate as a `#[test]`, on a [`Subject`] that is named from the root (`crate::Mine`).
#[macro_export]
macro_rules! engine_tests {
    ($subject:ty) => {
        $crate::tests!($subject; contract: a_batch_is_applied_in_order_and_the_last_entry_of_a_key_wins, ranges_hold_their_bounds_in_both_directions, everything_is_there_after_reopening_many_times, index_entries_are_found_as_any_others, values_of_64_kib_come_back, a_store_open_elsewhere_is_busy_and_free_again_at_once_after_close, many_threads_read_while_one_writes);
        $crate::tests!($subject; crash: child, what_was_acknowledged_survives_kill_9_and_batches_stay_whole, a_full_disk_is_told_as_such_and_the_store_opens_again_once_there_is_room);
        $crate::tests!($subject; damage: child, damaged_stores_neither_panic_nor_hang);
        $crate::tests!($subject; store_crash: child_writer, nothing_acknowledged_is_lost, an_interval_loses_no_more_than_it_says);
        $crate::tests!($subject; store_damage: child_builder, child_reader, no_damage_goes_unnoticed, a_loss_accepted_at_once_keeps_the_files_aside, a_lost_tail_is_named_and_must_be_accepted);
        $crate::tests!($subject; store_full_disk: a_full_disk_loses_nothing_and_comes_back, a_full_disk_within_an_interval_comes_back, a_full_inbox_says_so_and_keeps_nothing);
        $crate::tests!($subject; store_lock: child_holder, who_comes_second_is_told_who_holds_the_store, the_holder_answers_with_what_others_put_in_the_inbox, who_waits_is_told_what_became_of_it, a_thousand_intents_wait_for_the_next_who_opens, a_damaged_intent_is_kept_and_named, folding_in_twice_changes_nothing, an_end_may_come_before_its_start_by_name, a_tenant_reaches_nobody_else_through_the_inbox);
    };
}

/// One module of tests.
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($subject:ty; $module:ident: $($name:ident),*) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    $crate::$module::$name::<$subject>();
                }
            )*
        }
    };
}
