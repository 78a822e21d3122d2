//! A call of a function of the schema, as data: it can be made again.

use opledger::store::Scope;
use tokio_postgres::types::{ToSql, Type};

use crate::connect::Parameter;
use crate::values::Key;

/// A statement with its parameters.
pub(crate) struct Call<'a> {
    pub(crate) sql: &'static str,
    values: Vec<(Box<dyn ToSql + Send + Sync + 'a>, Type)>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self { sql, values: Vec::new() }
    }

    /// Adds a parameter.
    pub(crate) fn with(mut self, value: impl ToSql + Send + Sync + 'a, given: Type) -> Self {
        self.values.push((Box::new(value), given));
        self
    }

    /// Adds two parameters: whether all rows are meant, else whose.
    pub(crate) fn scope(self, scope: Scope) -> Self {
        self.with(scope == Scope::All, Type::BOOL).with(scope.tenant().map(Key), Type::BYTEA)
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter<'_>> {
        self.values.iter().map(|(value, given)| (&**value as &(dyn ToSql + Sync), given.clone())).collect()
    }
}
