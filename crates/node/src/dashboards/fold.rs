//! `widgets.json` follows what is in force.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldrail_model::Level;
use fieldrail_store::{Document, EditError, Etag, Mark};

use super::desk::Dashboards;
use super::model::WidgetsFile;
use crate::node::lock;
use crate::{Error, Node, Result};

/// How long the file may lag behind; a drag is many changes.
const LAG: Duration = Duration::from_secs(1);

/// Names of those who changed something, in the version of the file.
const MOST_NAMES: usize = 100;

impl Node {
    /// The dashboards as they are at the start.
    pub(crate) fn begin_dashboards(&self) {
        self.tell_change(self.dashboards.changes.last());
        self.keep_charts();
    }

    /// Somebody changed the file on the disk, or a version of it was restored.
    pub(crate) fn widgets_file_changed(&self, who: &str) {
        let (before, known) = {
            let desk = self.dashboards.desk();
            (self.dashboards.changes.last(), desk.fault())
        };
        let looked = self.dashboards.desk().look(&self.dashboards.changes, &self.files.widgets, who);
        match looked {
            Ok(lost) => lost.into_iter().for_each(|lost| self.logbook.write(Level::Warn, None, lost)),
            Err(error) => self.logbook.write(Level::Error, None, format!("widgets.json was not taken in: {error}")),
        }
        let fault = self.dashboards.desk().fault();
        if let Some(fault) = fault.filter(|fault| known.is_none_or(|known| known.to_string() != fault.to_string())) {
            self.report(&fault);
        }
        let last = self.dashboards.changes.last();
        if last != before {
            self.tell_change(last);
            self.keep_charts();
        }
    }

    /// Has the file written, where waiting holds up nobody else, if it lags behind for long enough.
    pub(crate) fn keep_dashboards_later(self: &Arc<Self>) {
        if self.dashboards.lags_behind(LAG) {
            let node = Arc::clone(self);
            tokio::task::spawn_blocking(move || node.write_dashboards());
        }
    }

    /// Writes the file now, if it lags behind.
    pub(crate) fn write_dashboards(&self) {
        if let Err(error) = self.dashboards.fold(&self.files.widgets) {
            // What is in force is in the history; the file follows once it can.
            self.logbook.write(Level::Warn, None, format!("widgets.json could not be written: {error}"));
        }
    }
}

impl Dashboards {
    /// Writes what is in force into the file. A file that somebody else changed is taken in first.
    fn fold(&self, document: &Document<WidgetsFile>) -> Result<()> {
        let _one = lock(&self.folding);
        let (state, number, who) = {
            let mut desk = self.desk_in_step(document)?;
            if desk.fault.is_some() || desk.unsaved_since.take().is_none() {
                return Ok(());
            }
            let authors = std::mem::take(&mut desk.authors);
            let names: Vec<String> = authors.into_iter().collect();
            let who: String = names.join(", ").chars().take(MOST_NAMES).collect();
            (desk.state()?.clone(), self.changes.last(), who)
        };
        let written = self.write(document, &state.to_file(), number, &who);
        let mut desk = self.desk();
        match written.as_ref().cloned() {
            Ok(etag) => {
                desk.folded = state;
                desk.known = [Some(etag), None];
            }
            Err(_) => desk.unsaved_since = Some(Instant::now()),
        }
        written.map(drop)
    }

    fn write(&self, document: &Document<WidgetsFile>, file: &WidgetsFile, number: u64, who: &str) -> Result<Etag> {
        let known = document.snapshot().map(|known| known.etag.clone());
        // Said before: a crash right after the file was written must not make it somebody else's.
        let next = document.etag_with(file)?;
        self.changes.mark(Mark::Next, &next, number)?;
        self.desk().known[1] = Some(next);
        let edited = document.edit(who, known.as_ref(), |value| {
            value.clone_from(file);
            Ok::<_, Error>(())
        });
        match edited {
            Ok(((), etag)) => {
                self.changes.mark(Mark::Written, &etag, number)?;
                Ok(etag)
            }
            // Somebody was faster; what they wrote is taken in at the next look.
            Err(EditError::Outdated { .. } | EditError::Changed) => Err(Error::Changed(document.name().into())),
            Err(error) => Err(Error::from_edit(document.name(), error)),
        }
    }
}
