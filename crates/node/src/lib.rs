//! The façade: everything a user of Fieldrail can do, as plain functions on plain types. It knows neither HTTP nor the
//! command line; both are thin layers over it.
//!
//! Read in this order: [`Node`] the house, [`views`] what it shows, [`people`] who may do what, [`connections`],
//! [`datapoints`] and [`settings`] the files, [`check`] what is wrong in them, then `traffic` for how samples run, and
//! `find` and `history` what lies in it, [`dashboards`] what people put together of it, `explain`, `tap` and `replay` for why; `errors` what failed, `audit` who did what.

mod alarms;
mod attempt;
mod audit;
mod certificate;
pub mod check;
pub mod clock;
mod commands;
pub mod connections;
pub mod dashboards;
mod data;
pub mod datapoints;
mod demand;
mod error;
mod errors;
mod explain;
mod failing;
mod files;
mod find;
mod health;
mod history;
mod instances;
mod kinds;
pub mod limits;
mod live;
mod logbook;
mod machine;
mod node;
mod own;
mod panic;
pub mod people;
mod permissions;
mod plugins;
mod pulse;
mod pulses;
mod remembered;
mod replay;
mod requests;
mod reserve;
mod restoration;
mod routes;
mod search;
mod secrets;
pub mod settings;
mod stream;
mod tap;
mod traffic;
mod trial;
mod versions;
pub mod views;

pub use alarms::{Acknowledge, AlarmEvent, AlarmPage, AlarmView, AlarmsWanted};
pub use attempt::{
    Attempt, Attempted, GivenSample, LanguageView, RouteFinding, TextSpan, TriedPoint, TriedStage, TriedTarget,
    TriedTest, WordView, language_of_routes,
};
pub use audit::{Audit, AuditBreak, AuditHead, AuditVerdict, AuditView, AuditWish, Deed};
pub use certificate::{CertificateSource, CertificateView};
pub use commands::Outcome;
pub use data::Wanted;
pub use error::{Error, Result};
pub use errors::{
    ErrorDetail, ErrorEvent, ErrorKind, ErrorView, ErrorWish, Forwardable, Forwarding, Frame, Input, OutgoingEvent,
    write_down_panics,
};
pub use explain::{ExplainedStep, ExplainedValue, ExplainedWriter, Explanation};
pub use failing::{FailingRoute, FailingRoutes};
pub use fieldrail_model::{Level as LogLevel, Timestamp};
pub use fieldrail_router::RouteSpec;
pub use fieldrail_router::RoutingFile;
pub use fieldrail_store::{Etag, FileError, Place, Shape};
pub use fieldrail_store::{Filter as LogFilter, LogRecord};
pub use fieldrail_supervisor::confine;
pub use fieldrail_wire::Manifest;
pub use files::{FileName, Files};
pub use find::Sought;
pub use history::{ColumnView, ColumnsView, HistoryView};
pub use instances::Dependents;
pub use kinds::{Kind, QualityClass};
pub use logbook::Logbook;
pub use machine::{MachineNames, machine_names};
pub use node::{Node, Options};
pub use own::{BoxView, Column, DiskView, MetricsView, Window};
pub use panic::{PanicRequest, PanicView, RearmRequest, RearmStep, SafeWrite};
pub use plugins::{Plugin, Plugins};
pub use pulses::PulseView;
pub use replay::{Plan, PlanExample, PlannedTarget, Recording, plan};
pub use restoration::FileChange;
pub use routes::{Datum, RouteStats, RouteView, RouterStats};
pub use search::{
    DeviceFinds, Found, FoundAlarm, FoundInstance, FoundNode, FoundPoint, FoundRoute, MOST_CHARACTERS, Search,
    Unanswered,
};
pub use secrets::{SecretUse, SecretView};
pub use stream::Stream;
pub use tap::TapStream;
pub use traffic::{TapEvent, TapWish};
pub use versions::{FileState, VersionView};
