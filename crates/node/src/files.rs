//! The configuration folder: which files there are, and what each is.

use std::path::Path;

use fieldrail_router::RoutingFile;
use fieldrail_store::Secrets;
use fieldrail_store::{Document, FileError, Options, schema_of};

use crate::connections::ConnectionsFile;
use crate::dashboards::model::WidgetsFile;
use crate::datapoints::DatapointsFile;
use crate::people::UsersFile;
use crate::settings::Settings;

/// A configuration file by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileName {
    /// How the daemon itself behaves.
    Settings,
    /// All instances.
    Connections,
    /// All routes.
    Routing,
    /// What people say about datapoints.
    Datapoints,
    /// The dashboards.
    Widgets,
    /// Users and tokens.
    Users,
    /// Passwords and keys of connections.
    Secrets,
}

impl FileName {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Settings, Self::Connections, Self::Routing, Self::Datapoints, Self::Widgets, Self::Users, Self::Secrets];

    /// The name in the folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "fieldrail.json",
            Self::Connections => "connections.json",
            Self::Routing => "routing.json",
            Self::Datapoints => "datapoints.json",
            Self::Widgets => "widgets.json",
            Self::Users => "users.json",
            Self::Secrets => "secrets.json",
        }
    }

    /// The files that the web admin shows. Those with hashes and secrets it does not: nothing of them ever leaves the house.
    pub const SHOWN: [Self; 5] = [Self::Settings, Self::Connections, Self::Routing, Self::Datapoints, Self::Widgets];

    /// The JSON schema of the file.
    pub fn schema(self) -> serde_json::Value {
        match self {
            Self::Settings => schema_of::<Settings>(),
            Self::Connections => schema_of::<ConnectionsFile>(),
            Self::Routing => schema_of::<RoutingFile>(),
            Self::Datapoints => schema_of::<DatapointsFile>(),
            Self::Widgets => schema_of::<WidgetsFile>(),
            Self::Users => schema_of::<UsersFile>(),
            Self::Secrets => schema_of::<Secrets>(),
        }
    }

    /// Who may read it, and how large it may be.
    pub(crate) fn options(self) -> Options {
        match self {
            Self::Users | Self::Secrets => Options::private(),
            Self::Routing | Self::Widgets => Options::shared().large(),
            _ => Options::shared(),
        }
    }
}

/// The files of the configuration folder, each created empty at the first start.
pub struct Files {
    /// `fieldrail.json`.
    pub settings: Document<Settings>,
    /// `connections.json`.
    pub connections: Document<ConnectionsFile>,
    /// `routing.json`.
    pub routing: Document<RoutingFile>,
    /// `datapoints.json`.
    pub datapoints: Document<DatapointsFile>,
    /// `widgets.json`.
    pub widgets: Document<WidgetsFile>,
    /// `secrets.json`.
    pub secrets: Document<Secrets>,
}

impl Files {
    /// Opens the folder. Users are opened apart, since only [`crate::people::People`] may see them.
    ///
    /// # Errors
    /// The folder or a missing file cannot be made. A broken file is no error here: it opens without contents.
    pub fn open(folder: &Path) -> Result<Self, FileError> {
        Ok(Self {
            settings: open(folder, FileName::Settings)?,
            connections: open(folder, FileName::Connections)?,
            routing: open(folder, FileName::Routing)?,
            datapoints: open(folder, FileName::Datapoints)?,
            widgets: open(folder, FileName::Widgets)?,
            secrets: open(folder, FileName::Secrets)?,
        })
    }

    /// What is wrong with the files on disk.
    pub fn faults(&self) -> Vec<FileError> {
        let faults = [
            self.settings.status(),
            self.connections.status(),
            self.routing.status(),
            self.datapoints.status(),
            self.secrets.status(),
        ];
        faults.into_iter().flatten().collect()
    }
}

pub(crate) fn open<T: fieldrail_store::Format>(folder: &Path, name: FileName) -> Result<Document<T>, FileError> {
    Document::open(folder, name.as_str(), name.options())
}
