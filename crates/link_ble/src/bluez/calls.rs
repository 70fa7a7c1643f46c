//! One question to `BlueZ`, and what it means when it fails.

use std::sync::Arc;

use serde::Serialize;
use zbus::wire::DynamicType;
use zbus::{Connection, Message, Variant};

use crate::Error;

/// Who is asked.
pub(super) const BLUEZ: &str = "org.bluez";

/// Asks `BlueZ`. Cheap to clone.
#[derive(Clone)]
pub(super) struct Calls(Arc<Connection>);

impl Calls {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Arc::new(connection))
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }

    /// Nobody is named where both ends are joined without a bus.
    fn to(&self) -> Option<&'static str> {
        self.0.is_bus().then_some(BLUEZ)
    }

    pub(super) async fn call<B: Serialize + DynamicType>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, Failure> {
        self.0.call_method(self.to(), path, Some(interface), method, body).await.map_err(Failure)
    }

    pub(super) async fn set(
        &self,
        path: &str,
        interface: &str,
        property: &str,
        value: &Variant<'_>,
    ) -> Result<(), Failure> {
        let body = (interface, property, value);
        self.call(path, "org.freedesktop.DBus.Properties", "Set", &body).await.map(drop)
    }
}

/// Why a question failed.
#[derive(Debug)]
pub(super) struct Failure(zbus::Error);

impl Failure {
    /// Whether it is `BlueZ`'s error of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        match &self.0 {
            zbus::Error::MethodError(known, _, _) => known.as_str().strip_prefix("org.bluez.Error.") == Some(name),
            _ => false,
        }
    }

    /// Whether there is no such object: the device was forgotten.
    pub(super) fn is_unknown_object(&self) -> bool {
        let is_fdo = |error: &zbus::fdo::Error| {
            matches!(error, zbus::fdo::Error::UnknownObject(_) | zbus::fdo::Error::UnknownMethod(_))
        };
        self.is("DoesNotExist") || matches!(&self.0, zbus::Error::FDO(error) if is_fdo(error))
    }

    /// What it means where it has nothing to do with what was asked.
    pub(super) fn general(&self) -> Option<Error> {
        use zbus::fdo::Error as Fdo;
        let zbus::Error::FDO(error) = &self.0 else { return None };
        match **error {
            Fdo::AccessDenied(_) => Some(Error::Denied),
            Fdo::ServiceUnknown(_) | Fdo::NameHasNoOwner(_) | Fdo::SpawnServiceNotFound(_) => Some(Error::NoService),
            _ => None,
        }
    }

    /// What `BlueZ` says, for a person: its message, or the name of its error.
    pub(super) fn words(&self) -> String {
        let zbus::Error::MethodError(name, message, _) = &self.0 else { return self.0.to_string() };
        let name = name.as_str().rsplit('.').next().unwrap_or_default();
        match message.as_deref().map(str::trim) {
            Some(message) if !message.is_empty() => message.chars().take(200).collect(),
            _ => name.to_owned(),
        }
    }
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Self {
        Self(error)
    }
}
