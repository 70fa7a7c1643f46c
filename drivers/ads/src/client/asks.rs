//! What is asked of a device, by name.

use std::time::Duration;

use bytes::Bytes;

use super::{Client, Urgency};
use crate::codec::command::{DeviceInfo, DeviceState, Reply, Request, Wish};
use crate::codec::sums;
use crate::error::Error;

impl Client {
    /// Who the device is.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn info(&self) -> Result<DeviceInfo, Error> {
        match self.ask(Urgency::Normal, &Request::Info).await? {
            Reply::Info(info) => Ok(info),
            _ => Err(Error::Unexpected),
        }
    }

    /// How the device stands.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn state(&self) -> Result<DeviceState, Error> {
        match self.ask(Urgency::Normal, &Request::State).await? {
            Reply::State(state) => Ok(state),
            _ => Err(Error::Unexpected),
        }
    }

    /// What stands at a place.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn read(&self, urgency: Urgency, part: sums::Part) -> Result<Bytes, Error> {
        let sums::Part { group, offset, length } = part;
        self.data(urgency, &Request::Read { group, offset, length }, self.0.timeout).await
    }

    /// The answer of a read or read-write, within a time of its own.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn data(&self, urgency: Urgency, request: &Request, patience: Duration) -> Result<Bytes, Error> {
        match self.ask_at(self.0.target, urgency, request, patience).await? {
            Reply::Data(data) => Ok(data),
            _ => Err(Error::Unexpected),
        }
    }

    /// The same for a question that may be asked again.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn data_lightly(&self, request: &Request, patience: Duration) -> Result<Bytes, Error> {
        match self.ask_lightly(request, patience).await? {
            Reply::Data(data) => Ok(data),
            _ => Err(Error::Unexpected),
        }
    }

    /// Puts bytes to a place.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn write(&self, urgency: Urgency, group: u32, offset: u32, data: Bytes) -> Result<(), Error> {
        self.ask(urgency, &Request::Write { group, offset, data }).await.map(drop)
    }

    /// Wants values sent by themselves; gives the handle.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn add_notification(&self, wish: Wish) -> Result<u32, Error> {
        match self.ask(Urgency::Normal, &Request::AddNotification(wish)).await? {
            Reply::Handle(handle) => Ok(handle),
            _ => Err(Error::Unexpected),
        }
    }

    /// Wants them no more.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn delete_notification(&self, handle: u32) -> Result<(), Error> {
        self.ask(Urgency::Normal, &Request::DeleteNotification { handle }).await.map(drop)
    }
}
