//! A serial port of this machine, or the same line behind a TCP serial server.

use std::path::Path;
use std::time::Duration;

use fieldrail_link_serial::{Link, Place, Settings};

use super::{Promise, Wire};
use crate::battery::Question;
use crate::error::Error;

/// So long a TCP serial server may keep bytes back that it has heard.
const GATHERED: Duration = Duration::from_millis(20);

/// The most bytes of one piece.
const PIECE: usize = 512;

/// One line.
pub(super) struct Serial {
    link: Link,
    /// How long nothing is said between two frames.
    silence: Duration,
}

impl Serial {
    pub(super) async fn on_device(path: &Path, baud: u32, patience: Duration) -> Result<Self, Error> {
        let settings = Settings { baud, ..Settings::default() };
        let place = Place::Device { path: path.to_owned(), settings };
        Ok(Self { link: Link::open(&place, patience).await?, silence: settings.silence() })
    }

    pub(super) async fn on_tcp(host: &str, port: u16, patience: Duration) -> Result<Self, Error> {
        let place = Place::Tcp { host: host.to_owned(), port };
        Ok(Self { link: Link::open(&place, patience).await?, silence: GATHERED })
    }
}

impl Wire for Serial {
    fn read(&mut self) -> Promise<'_, Vec<u8>> {
        Box::pin(async {
            let mut bytes = vec![0; PIECE];
            let count = self.link.read(&mut bytes).await?;
            bytes.truncate(count);
            Ok(bytes)
        })
    }

    fn write<'a>(&'a mut self, question: &'a Question) -> Promise<'a, ()> {
        Box::pin(self.link.write_all(&question.bytes))
    }

    fn settle(&mut self) -> Promise<'_, usize> {
        Box::pin(async {
            let mut thrown = Vec::new();
            self.link.quiet(self.silence, &mut thrown).await?;
            Ok(thrown.len())
        })
    }
}
