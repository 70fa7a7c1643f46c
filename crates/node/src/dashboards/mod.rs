//! Dashboards: pages of widgets as people see, change and operate them.
//!
//! Read in this order: [`model`] what there is, `bounds` what it may be, `state` all of it at one moment, `desk` where it is
//! changed and `fold` how the file follows, `edit` and `batch` what people do to it and `places` where a widget may
//! stand, `undo` and `versions` how they go back,
//! `import` and `old` what comes from elsewhere, `operate` and `pin` how a widget switches something, `charts` what is
//! kept for them, `near` what is there in the place of what is gone.

mod batch;
pub(crate) mod bounds;
mod camera;
mod charts;
mod desk;
mod edit;
mod fold;
mod import;
pub mod model;
mod near;
mod old;
mod operate;
mod pin;
mod places;
mod state;
mod undo;
mod versions;
mod views;

pub use batch::{BatchRequest, StepFault, StepRequest};
pub use camera::Camera;
pub use import::{ImportMode, ImportNote, ImportReport, ImportWish, MOST_IMPORTED};
pub use near::Near;
pub use operate::Operation;
pub use state::EntryKind;
pub use undo::{LeftAsIs, UndoRequest, Undone};
pub use versions::{ChangeDetail, ChangeView, Difference, Differences, RestoreRequest, Touched};
pub use views::{
    Changed, DashboardView, DashboardsState, DashboardsView, OrderRequest, TemplateView, WidgetView, WidgetsWanted,
};

pub(crate) use charts::ChartNeeds;
pub(crate) use desk::{Dashboards, fault_of};
pub(crate) use pin::Tries;
