//! What a person configures. The doc comments become the schema, the form in the web admin, and the table in the README.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::codec::ams::{AmsAddress, NetId};
use crate::error::Error;

/// One runtime of a Beckhoff PLC.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// AMS Net ID of the PLC, as TwinCAT shows it, for example `192.168.2.162.1.1`. Often, but not always, its address
    /// with `.1.1` behind it.
    #[schemars(regex(pattern = r"^\d{1,3}(\.\d{1,3}){5}$"))]
    pub ams_net_id: String,
    /// AMS port of the runtime: 801, 811, 821, 831 in TwinCAT 2, 851, 852, … in TwinCAT 3. It is never guessed.
    #[schemars(range(min = 1))]
    pub ams_port: u16,
    /// Name or address of the PLC, for example `192.168.2.162`.
    #[schemars(length(min = 1))]
    pub host: String,
    /// Our own AMS Net ID, for which the PLC needs a route. Unless given: this machine's address with `.1.1` behind it.
    #[serde(default)]
    #[schemars(regex(pattern = r"^\d{1,3}(\.\d{1,3}){5}$"))]
    pub own_net_id: Option<String>,
    /// Our own AMS port. Unless given: one that follows from the name of the instance.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub own_port: Option<u16>,
    /// TCP port of ADS.
    #[serde(default = "default_tcp_port")]
    #[schemars(range(min = 1))]
    pub tcp_port: u16,
    /// UDP port of discovery and routes.
    #[serde(default = "default_udp_port")]
    #[schemars(range(min = 1))]
    pub udp_port: u16,
    /// A second way to the same program, taken when the first fails: another network card, or a spare PLC. As soon as the first
    /// answers again it is taken back.
    #[serde(default)]
    pub fallback: Option<Fallback>,
    /// The `.tpy` file that TwinCAT 2 wrote beside the project: names as the engineer wrote them, and comments.
    #[serde(default)]
    pub tpy: Option<PathBuf>,
    /// Time between two polls of a variable that is not sent by itself, in milliseconds, unless somebody asks for less.
    #[serde(default = "default_poll_ms")]
    #[schemars(range(min = 20, max = 3_600_000), extend("x-unit" = "ms"))]
    pub poll_ms: u32,
    /// How often the PLC looks whether a variable has changed that it sends by itself, in milliseconds.
    #[serde(default = "default_notify_ms")]
    #[schemars(range(min = 1, max = 3_600_000), extend("x-unit" = "ms"))]
    pub notify_ms: u32,
    /// The most variables that the PLC is to send by itself; the rest is polled many at a time. 0 polls all. Small PLCs
    /// hold 550.
    #[serde(default = "default_max_notifications")]
    #[schemars(range(max = 550))]
    pub max_notifications: u16,
    /// Requests under way at a time.
    #[serde(default = "default_window")]
    #[schemars(range(min = 1, max = 64))]
    pub window: u8,
    /// How long an answer is waited for, in milliseconds. After two missed ones the link is made anew.
    #[serde(default = "default_timeout_ms")]
    #[schemars(range(min = 50, max = 60_000), extend("x-unit" = "ms"))]
    pub timeout_ms: u32,
    /// Silence after a connection was closed, in milliseconds: small PLCs take no new one for about five seconds.
    #[serde(default = "default_pause_ms")]
    #[schemars(range(max = 60_000), extend("x-unit" = "ms"))]
    pub pause_ms: u32,
    /// Read each variable back after it was written, and reject the write if the program has overwritten it.
    #[serde(default)]
    pub read_back: bool,
}

/// A second way to the same program. What is not given is as for the first.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Name or address.
    #[schemars(length(min = 1))]
    pub host: String,
    /// AMS Net ID.
    #[serde(default)]
    pub ams_net_id: Option<String>,
    /// AMS port.
    #[serde(default)]
    pub ams_port: Option<u16>,
    /// TCP port of ADS.
    #[serde(default)]
    pub tcp_port: Option<u16>,
}

fn default_tcp_port() -> u16 {
    48898
}

fn default_udp_port() -> u16 {
    48899
}

fn default_poll_ms() -> u32 {
    500
}

fn default_notify_ms() -> u32 {
    50
}

fn default_max_notifications() -> u16 {
    500
}

fn default_window() -> u8 {
    4
}

fn default_timeout_ms() -> u32 {
    2000
}

fn default_pause_ms() -> u32 {
    5000
}

/// Where a program is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPoint {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub tcp_port: u16,
    /// Who is asked.
    pub target: AmsAddress,
}

impl EndPoint {
    /// `host:port`, as states name it.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.host, self.tcp_port)
    }
}

fn net_id(key: &'static str, text: &str) -> Result<NetId, Error> {
    text.parse().map_err(|error| Error::Config { key, reason: format!("`{text:.40}`: {error}") })
}

impl Config {
    /// What the schema cannot say.
    ///
    /// # Errors
    /// The first key that cannot work.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |key, reason: &str| Error::Config { key, reason: reason.into() };
        self.end_points()?;
        self.own()?;
        if self.poll_ms < 20 {
            return Err(wrong("poll_ms", "a PLC is polled at most every 20 ms"));
        }
        if self.timeout_ms < 50 {
            return Err(wrong("timeout_ms", "an answer is waited for at least 50 ms"));
        }
        if self.max_notifications > 550 {
            return Err(wrong("max_notifications", "small PLCs hold 550; the rest is polled"));
        }
        Ok(())
    }

    /// The ways to the program, the first one first.
    ///
    /// # Errors
    /// A key cannot work.
    pub fn end_points(&self) -> Result<Vec<EndPoint>, Error> {
        let host = |key, host: &str| {
            if host.trim().is_empty() {
                return Err(Error::Config { key, reason: "the name or address of the PLC is missing".into() });
            }
            Ok(host.trim().to_owned())
        };
        let target = AmsAddress { net_id: net_id("ams_net_id", &self.ams_net_id)?, port: self.ams_port };
        if self.ams_port == 0 {
            let reason = "801 is the first runtime of TwinCAT 2, 851 of TwinCAT 3".into();
            return Err(Error::Config { key: "ams_port", reason });
        }
        let mut points = vec![EndPoint { host: host("host", &self.host)?, tcp_port: self.tcp_port, target }];
        if let Some(second) = &self.fallback {
            let id = second.ams_net_id.as_deref().map(|text| net_id("fallback.ams_net_id", text)).transpose()?;
            points.push(EndPoint {
                host: host("fallback.host", &second.host)?,
                tcp_port: second.tcp_port.unwrap_or(self.tcp_port),
                target: AmsAddress {
                    net_id: id.unwrap_or(target.net_id),
                    port: second.ams_port.unwrap_or(target.port),
                },
            });
        }
        Ok(points)
    }

    /// Our own Net ID, if it is given.
    ///
    /// # Errors
    /// It is none.
    pub fn own(&self) -> Result<Option<NetId>, Error> {
        self.own_net_id.as_deref().map(|text| net_id("own_net_id", text)).transpose()
    }

    /// How long an answer is waited for.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.into())
    }

    /// Silence after a connection was closed.
    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_ms.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let said = match serde_json::from_str::<Config>(text) {
            Ok(config) => match config.end_points().and_then(|points| config.check().map(|()| points)) {
                Ok(points) => points.iter().map(|p| format!("{}:{} {}", p.host, p.tcp_port, p.target)).collect(),
                Err(error) => vec![error.to_string()],
            },
            Err(error) => vec![error.to_string()],
        };
        assert!(said.join(" | ").starts_with(want), "{said:?}");
    }

    #[test]
    fn three_keys_do() {
        check(
            r#"{ "ams_net_id": "192.168.2.162.1.1", "ams_port": 801, "host": "192.168.2.162" }"#,
            "192.168.2.162:48898 192.168.2.162.1.1:801",
        );
    }

    #[test]
    fn a_fallback_takes_over_what_it_does_not_say() {
        check(
            r#"{ "ams_net_id": "1.2.3.4.1.1", "ams_port": 851, "host": "a", "fallback": { "host": "b" } }"#,
            "a:48898 1.2.3.4.1.1:851 | b:48898 1.2.3.4.1.1:851",
        );
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (text, want) in [
            (r#"{ "ams_net_id": "1.2.3.4.1", "ams_port": 851, "host": "a" }"#, "`ams_net_id`: `1.2.3.4.1`"),
            (r#"{ "ams_net_id": "1.2.3.4.1.1", "ams_port": 0, "host": "a" }"#, "`ams_port`: 801"),
            (r#"{ "ams_net_id": "1.2.3.4.1.1", "ams_port": 851, "host": " " }"#, "`host`: the name"),
            (r#"{ "ams_net_id": "1.2.3.4.1.1", "host": "a" }"#, "missing field `ams_port`"),
            (r#"{ "ams_net_id": "1.2.3.4.1.1", "ams_port": 851, "host": "a", "own_net_id": "x" }"#, "`own_net_id`"),
            (r#"{ "ams_net_id": "1.2.3.4.1.1", "ams_port": 851, "host": "a", "max_notifications": 900 }"#, "`max_noti"),
        ] {
            check(text, want);
        }
    }
}
