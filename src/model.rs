//! The model: hubs, versions, and the limits of what they hold.

mod attributes;
mod limits;
mod name;
mod record;

pub use attributes::{Attributes, ParseStatusError, Status};
pub use limits::{MAX_NAME, MAX_OBJECTS, MAX_TEXT, MAX_TYPE, MAX_USER};
pub(crate) use limits::{check_chars, check_days};
pub use name::{business_key, business_key_of, unique_script_name};
pub use record::{Check, Hub, Operation, Position, Tenant, UnitId, Version};
