//! Users go along with operations, where both stores let them.

use super::pass::Agent;
use super::stop::{Patience, Stop};
use crate::error::{ErrorKind, Result};
use crate::store::Store;
use crate::tracker::Tracker;
use crate::users::{UserSync, sync_users};

/// What became of users in a sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsersCarried {
    /// From the agent to the other store.
    pub sent: UserSync,
    /// From the other store to the agent.
    pub received: UserSync,
    /// Why the other store does not take users, or gives none: each a right that the agent's login does not have.
    pub withheld: Vec<String>,
}

impl<S: Store> Agent<S> {
    /// Carries users both ways, as [`sync_users`] does, within the agent's patience. What the login's rights or the setting
    /// `carry_credentials` withhold is no error.
    ///
    /// # Errors
    /// Gives the error of the store that could not be used; what was carried before stays.
    pub async fn sync_users<R: Store>(&self, remote: &Tracker<R>) -> Result<UsersCarried> {
        let (patience, stop) = (Patience::new(self.patience), Stop::default());
        let info = remote.info();
        let whom = format!("the {} store at {}", info.engine, info.location);
        let mut carried = UsersCarried::default();
        match stop.within(patience.of_a_call(), &whom, Box::pin(sync_users(&self.tracker, remote))).await {
            Ok(sent) => carried.sent = sent,
            Err(error) if error.kind() == ErrorKind::Permission => carried.withheld.push(error.to_string()),
            Err(error) => return Err(error),
        }
        match stop.within(patience.of_a_call(), &whom, Box::pin(sync_users(remote, &self.tracker))).await {
            Ok(received) => carried.received = received,
            Err(error) if error.kind() == ErrorKind::Permission => carried.withheld.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(carried)
    }
}
