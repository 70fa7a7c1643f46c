//! Where the picture of a camera comes from. The house fetches it, so that browsers need to know neither address nor password.

use serde_json::Value;

use super::model::CAMERA;
use super::views::{no_widget, sees};
use crate::people::Who;
use crate::{Error, Node, Result};

/// A camera whose picture somebody may see.
#[derive(Clone, PartialEq, Eq)]
pub struct Camera {
    /// `http://` or `https://`, perhaps with a name and a password. Never shown.
    pub url: String,
    /// Cameras on this machine itself that are allowed, as `host:port`.
    pub local: Vec<String>,
}

impl std::fmt::Debug for Camera {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Camera(…)")
    }
}

impl Node {
    /// The camera of a widget, for who may see the widget.
    pub fn camera(&self, who: &Who, id: &str) -> Result<Camera> {
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        let state = desk.state()?;
        let seen = state.widget(id).filter(|(widget, _)| sees(state, who, widget));
        let (widget, _) = seen.filter(|(widget, _)| widget.kind == CAMERA).ok_or_else(|| no_widget(id))?;
        let url = widget.options.get("url").and_then(Value::as_str).unwrap_or_default();
        if url.is_empty() {
            let hint = "an administrator writes the address of the camera into the widget";
            return Err(Error::invalid("the camera has no address", hint));
        }
        let url = url.to_owned();
        drop(desk);
        Ok(Camera { url, local: self.settings().dashboards.local_cameras })
    }
}
