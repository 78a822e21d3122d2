//! How far the server's clock is from this machine's.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use opledger::{Error, ErrorKind};
use opledger_postgres::Session;

use super::{Finding, Found, one};

/// From here on, operations recorded from here and on the server come in another order than they ran in.
const TOLERATED_US: i128 = 1_000_000;
const PROBES: usize = 5;

pub(super) async fn check(session: &Session) -> Found {
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text";
    let mut best: Option<(i128, i128)> = None;
    for _ in 0..PROBES {
        let (here, began) = (now(), Instant::now());
        let [there] = one(session, sql, &[]).await?;
        let trip = i128::try_from(began.elapsed().as_micros()).unwrap_or(i128::MAX);
        let there: i128 = there.parse().map_err(|cause| {
            Error::new(ErrorKind::Corrupt, format!("the server's clock says {there}")).caused_by(cause)
        })?;
        let probe = offset(here, there, trip);
        // The shortest round trip is the least uncertain.
        best = best.filter(|best| best.1 <= probe.1).or(Some(probe));
    }
    Ok(judge(best.unwrap_or_default()))
}

/// Microseconds since 1970.
fn now() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|time| time.as_micros().try_into().ok()).unwrap_or(0)
}

/// How far the server is ahead, and the uncertainty of that: the server read its clock at some moment of the round trip.
fn offset(here: i128, there: i128, trip: i128) -> (i128, i128) {
    (there - (here + trip / 2), trip / 2 + 1)
}

fn judge((offset, uncertainty): (i128, i128)) -> Finding {
    let milliseconds =
        |us: i128| format!("{}{}.{:03}", if us < 0 { "-" } else { "" }, us.abs() / 1000, us.abs() % 1000);
    let details = format!(
        "the server is {} ms ahead of this machine, give or take {} ms",
        milliseconds(offset),
        milliseconds(uncertainty)
    );
    if offset.abs() - uncertainty < TOLERATED_US {
        return Finding::ok(details);
    }
    Finding::warning(details, "Synchronise both clocks (NTP): times recorded here and there can't be compared.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_round_trip_is_uncertain() {
        assert_eq!(offset(1_000_000, 1_000_500, 1000), (0, 501));
        assert_eq!(
            judge((-1_500, 501)).details,
            "the server is -1.500 ms ahead of this machine, give or take 0.501 ms"
        );
        for (offset, uncertainty, status) in
            [(999_999, 0, "OK"), (1_000_000, 0, "WARNING"), (-1_000_000, 0, "WARNING"), (2_000_000, 1_500_000, "OK")]
        {
            assert_eq!(judge((offset, uncertainty)).status, status, "{offset}");
        }
    }
}
