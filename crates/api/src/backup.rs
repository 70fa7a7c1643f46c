//! The whole configuration as one archive, sent while it is packed. It holds no password, no hash and no key, and says so.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use fieldrail_node::FileName;
use fieldrail_node::clock;
use futures_util::stream;
use schemars::{Schema, SchemaGenerator};
use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::answer::Answer;
use crate::call::{Call, NoBody, NoQuery};
use crate::files::{Masked, masked};
use crate::problem::Result;

/// Pieces that wait for a slow reader; then packing waits too.
const WAITING: usize = 4;

/// A piece, in bytes.
const PIECE: usize = 64 * 1024;

/// An archive to be saved.
pub(crate) struct Archive {
    name: String,
    pieces: mpsc::Receiver<Bytes>,
}

impl Answer for Archive {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn respond(self) -> Response {
        let pieces = stream::unfold(self.pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((Ok::<_, io::Error>(piece), pieces))
        });
        let mut response = Body::from_stream(pieces).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
        if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", self.name)) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        response
    }
}

pub(crate) fn save(call: &Call, _: NoQuery, _: NoBody) -> Result<Archive> {
    let mut files = Vec::new();
    for name in FileName::SHOWN {
        // One that could not be read since the start is not in it; the rest is.
        if let Ok(text) = call.node().config_text(call.who()?, name) {
            files.push((name.as_str(), masked(call, name, text)?));
        }
    }
    let day = clock::date(clock::wall());
    let readme = readme(&day, &files);
    let (sender, pieces) = mpsc::channel(WAITING);
    let out = Pieces { sender, held: Vec::with_capacity(PIECE) };
    tokio::task::spawn_blocking(move || {
        if let Err(error) = pack(out, &readme, &files) {
            // Whoever saved it has gone.
            tracing::debug!(%error, "An archive was not packed to its end.");
        }
    });
    Ok(Archive { name: format!("fieldrail-{day}.zip"), pieces })
}

fn pack(out: Pieces, readme: &str, files: &[(&str, Masked)]) -> zip::result::ZipResult<()> {
    let mut archive = ZipWriter::new_stream(out);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o600);
    archive.start_file("README.txt", options)?;
    archive.write_all(readme.as_bytes())?;
    for (name, file) in files {
        archive.start_file(*name, options)?;
        archive.write_all(file.text.as_bytes())?;
    }
    let mut out = archive.finish()?.into_inner();
    Ok(out.flush()?)
}

fn readme(day: &str, files: &[(&str, Masked)]) -> String {
    let line = |(name, file): &(&str, Masked)| match file.masks {
        0 => format!("  {name}\n"),
        1 => format!("  {name}; 1 password or key in it is only a mask (********)\n"),
        masks => format!("  {name}; {masks} passwords and keys in it are only masks (********)\n"),
    };
    let lines: String = files.iter().map(line).collect();
    format!(
        "The configuration of a Fieldrail house ({}), saved on {day}.\n\nIn here:\n{lines}{}",
        env!("CARGO_PKG_VERSION"),
        include_str!("backup.txt")
    )
}

/// Hands pieces over to the answer, and waits while it is slow.
struct Pieces {
    sender: mpsc::Sender<Bytes>,
    held: Vec<u8>,
}

impl Pieces {
    fn hand_over(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        self.sender.blocking_send(piece.into()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() { Ok(()) } else { self.hand_over() }
    }
}
