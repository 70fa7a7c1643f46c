//! What survives a restart.
mod error;
mod etag;
mod key_path;
mod parse;
mod scan;
mod visible;
pub use crate::{error::*,etag::*,key_path::*,parse::*,scan::*,visible::*};
