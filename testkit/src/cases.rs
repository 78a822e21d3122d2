//! The conformance cases, in one table.

mod chain;
mod cleanup;
mod documents;
mod duration;
mod history;
mod input;
mod lifecycle;
mod log;
mod removal;
mod reports;
mod scope;
mod state;
mod tenants;
mod thresholds;
mod units;
mod upkeep;
mod users;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Bench, Boxed, Factory, WithoutPushdown};

/// One case of the suite, to be run on a fresh store.
pub struct Case<F> {
    /// Its name, as `module::what_holds`.
    pub name: &'static str,
    /// Runs it; panics with what does not hold.
    pub run: fn(F),
}

impl<F> std::fmt::Debug for Case<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The one list of cases: hands it to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    ($then:ident $args:tt) => {
        $crate::$then! { $args
            chain: [
                a_start_is_one_open_version, versions_leave_no_hole, load_dates_increase_whatever_the_clock_does,
                a_b_a_is_three_versions, an_equal_annotation_adds_nothing, a_stale_handle_adds_what_it_says,
                another_name_type_or_time_conflicts, operation_at_each_moment,
            ];
            state: [
                completes_once, fails_with_a_message, of_two_completions_one_wins, a_completion_outlasts_annotations,
                annotations_are_merged, a_finished_operation_takes_no_annotation,
            ];
            duration: [is_measured_monotonically, by_key_comes_from_timestamps, is_never_negative, is_capped];
            units: [
                are_judged_in_order, a_conflict_fails_no_other, a_start_and_its_end_in_one_commit, replays_add_nothing,
                other_content_conflicts_with_both_hashes, the_same_start_by_another_unit_conflicts,
                anothers_hash_is_not_shown, what_does_not_fit_is_refused, a_dropped_commit_is_carried_out,
                many_units_in_one_commit,
            ];
            log: [
                is_in_order, resumes_anywhere, entries_are_as_appended, misses_nothing_under_writers,
                wait_wakes, wait_ends_in_time,
            ];
            tenants: [
                do_not_see_each_other, do_not_change_each_other, have_reports_of_their_own, purge_their_own, all_sees_all,
            ];
            history: [ties_are_ordered_by_key, filters, bounds, small_pages_equal_a_big_one, limits, errors];
            reports: [
                of_an_empty_store, dashboard_by_hand, metrics_by_hand, trends, edges_to_the_microsecond,
                the_future_counts, stale_operations, health_by_hand, percentile,
            ];
            thresholds: [of_success, of_failures, of_durations, of_performance, of_staleness];
            cleanup: [
                has_a_sharp_edge, leaves_running_ones, takes_all_versions, works_in_batches, refuses_bad_arguments,
            ];
            documents: [
                versions_are_kept, are_judged_by_the_open_version, belong_to_their_tenant, come_in_pages_by_key,
            ];
            users: [
                tenants_are_registered_once, a_registration_is_recorded, registrations_are_checked,
                logins_are_answered_and_recorded, seventy_two_bytes_count, tenants_do_not_share_users,
                sessions_are_validated_and_revoked, failures_lock_out_the_known_and_the_unknown,
                guesses_at_once_are_counted, of_registrations_and_revocations_at_once_one_does,
                no_secret_is_stored_or_printed, reopening_keeps_users, answers_have_the_shape_of_sql,
            ];
            removal: [takes_any_state_and_every_count, is_all_or_nothing];
            input: [bad_input_is_refused, long_texts_are_refused, large_texts_come_back, all_fields_come_back];
            upkeep: [verify_finds_nothing, checks_are_kept];
            scope: [ok_completes, an_error_fails, a_panic_fails, being_dropped_fails];
            lifecycle: [a_closed_store_says_so, reopening_keeps_everything, works_across_threads];
        }
    };
}

/// Makes one `#[test]` of each case; `$make` is a function without arguments that gives a new [`Factory`].
///
/// ```ignore
/// opledger_testkit::conformance_tests!(|| Fresh(MyStore::new));
/// ```
///
/// A store that can be opened in a second way says so, and each case is run on it, too: the store that is put behind
/// `Box<dyn DynStore>` is opened that way.
///
/// ```ignore
/// opledger_testkit::conformance_tests!(|| Fresh(MyStore::new), boxed: || Fresh(MyStore::elsewhere));
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::conformance_tests!($make, boxed: $make);
    };
    ($make:expr, boxed: $boxed:expr) => {
        $crate::__cases! { __tests ($make, $boxed) }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    (($make:expr, $boxed:expr) $($module:ident: [$($case:ident),* $(,)?];)*) => {
        $(mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(#[test]
            fn $case() {
                $crate::run_case(concat!(stringify!($module), "::", stringify!($case)), $make, $boxed);
            })*
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __table {
    (($factory:ty) $($module:ident: [$($case:ident),* $(,)?];)*) => {
        vec![$($(
            Case {
                name: concat!(stringify!($module), "::", stringify!($case)),
                run: |factory: $factory| pollster::block_on(async move {
                    let mut bench = Bench::new(factory);
                    $module::$case(&mut bench).await;
                    bench.finish().await;
                }),
            },
        )*)*]
    };
}

/// All cases, for stores of this factory.
#[must_use]
pub fn cases<F: Factory>() -> Vec<Case<F>> {
    crate::__cases! { __table (F) }
}

/// Runs one case on a fresh store as it is, on one that `boxed` made in a box, and on one without its push-down.
///
/// # Panics
/// When the case fails, or no case has this name.
pub fn run_case<F: Factory, G: Factory>(name: &str, make: impl Fn() -> F, boxed: impl Fn() -> G) {
    eprintln!("{name}: the store as it is");
    (named::<F>(name).run)(make());
    eprintln!("{name}: behind Box<dyn DynStore>");
    (named::<Boxed<G>>(name).run)(Boxed(boxed()));
    eprintln!("{name}: without push-down");
    (named::<WithoutPushdown<F>>(name).run)(WithoutPushdown(make()));
}

fn named<F: Factory>(name: &str) -> Case<F> {
    let found = cases().into_iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("there is no case {name}"))
}

/// Runs all cases, each on fresh stores, for those who have no use for [`conformance_tests!`].
///
/// # Panics
/// At the end, with the names of the cases that failed.
pub fn conformance<F: Factory>(make: impl Fn() -> F) {
    let mut failed = Vec::new();
    for case in cases::<F>() {
        if catch_unwind(AssertUnwindSafe(|| run_case(case.name, &make, &make))).is_err() {
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "{} cases failed: {}", failed.len(), failed.join(", "));
}
