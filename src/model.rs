//! The model: hubs, versions, and the limits of what they hold.

mod attributes;
mod document;
mod limits;
mod name;
mod record;

pub use attributes::{Attributes, ParseStatusError, Status};
pub use document::{Document, Kind, MAX_BODY};
pub use limits::{MAX_NAME, MAX_OBJECTS, MAX_TEXT, MAX_TYPE, MAX_USER};
pub(crate) use limits::{check_chars, check_days};
pub(crate) use name::{KEY_TRIES, random};
pub use name::{business_key, business_key_of, unique_script_name};
pub use record::{Check, Hub, Operation, Position, Tenant, UnitId, Version};
