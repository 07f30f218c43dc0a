//! How is a browser told what to do? A page of ours takes the steps, one after the other, and says what came of each.

mod desk;

use bareflight_harness::scenario::{Credentials, Kind, Mode};
use serde::Serialize;

pub(crate) use desk::Desk;

/// What a page is told of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PageStep {
    /// The step, from 1.
    pub(crate) step: u32,
    /// Who makes the request.
    pub(crate) kind: Kind,
    /// Whether the progress of the upload is listened to.
    pub(crate) upload_listener: bool,
    /// The method.
    pub(crate) method: String,
    /// Where it goes.
    pub(crate) url: String,
    /// Header fields to send.
    pub(crate) headers: Vec<(String, String)>,
    /// The mode.
    pub(crate) mode: Mode,
    /// The credentials mode.
    pub(crate) credentials: Credentials,
    /// The body to send, if there is one.
    pub(crate) body: Option<String>,
    /// The page that makes the request in a frame, if it is not the one at the top.
    pub(crate) frame: Option<String>,
    /// The origin of the page at the top.
    #[serde(skip)]
    pub(crate) top: String,
}
