//! A `.tpy` file that a person sends piece by piece: gathered in the instance's own folder, read whole, and kept there.
//!
//! Invariant: what is kept has been read once as a whole; pieces of a file that was not finished are never used.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fieldrail_driver::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::tpy::{self, MOST_BYTES, Tpy};

/// The largest piece, in bytes.
pub(crate) const MOST_PIECE: usize = 512 * 1024;

/// What is kept, in the instance's folder.
const KEPT: &str = "imported.tpy";

/// What came so far of the next one.
const PART: &str = "import.part";

/// What `import` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Piece {
    /// The file's name, for messages.
    name: String,
    /// Bytes of the whole file.
    size: u64,
    /// Where this piece begins.
    offset: u64,
    /// The piece in Base64.
    content: String,
}

impl Piece {
    /// The file's name, as the person has it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the whole file.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// How far it has come.
pub(crate) enum Step {
    /// So many bytes are there.
    More(u64),
    /// All is there: this file is to be read.
    Whole(PathBuf),
}

/// The JSON schema of [`Piece`].
pub(crate) fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["name", "size", "offset", "content"],
        "x-accept": ".tpy",
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 200 },
            "size": { "type": "integer", "minimum": 1, "maximum": MOST_BYTES },
            "offset": { "type": "integer", "minimum": 0 },
            "content": { "type": "string", "contentEncoding": "base64", "maxLength": MOST_PIECE.div_ceil(3) * 4 }
        }
    })
}

fn disk(error: &std::io::Error) -> Failure {
    Failure::new(format!("the file cannot be kept: {error}")).hint("is the disk full?")
}

/// Takes one piece.
///
/// # Errors
/// It does not follow the one before, is too large or damaged, or the disk does not take it.
pub(crate) fn take(folder: &Path, piece: &Piece) -> Result<Step, Failure> {
    if piece.size == 0 || piece.size > MOST_BYTES {
        let text = format!("`{:.200}` has {} bytes; 1 to {MOST_BYTES} are taken", piece.name, piece.size);
        return Err(Failure::new(text).hint("a `.tpy` file lies beside the project, as PROJECT.tpy"));
    }
    let bytes =
        BASE64.decode(&piece.content).map_err(|error| Failure::new(format!("the piece is damaged: {error}")))?;
    let path = folder.join(PART);
    let before = match piece.offset {
        0 => 0,
        _ => fs::metadata(&path).map_or(0, |found| found.len()),
    };
    let end = piece.offset.saturating_add(bytes.len() as u64);
    if before != piece.offset || bytes.is_empty() || bytes.len() > MOST_PIECE || end > piece.size {
        let text =
            format!("the piece at {} of `{:.200}` does not follow: {before} bytes are there", piece.offset, piece.name);
        return Err(Failure::new(text).hint("send the file again from its beginning, and from one place at a time"));
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    if piece.offset == 0 {
        options.truncate(true)
    } else {
        options.append(true)
    };
    let mut file = options.open(&path).map_err(|error| disk(&error))?;
    file.write_all(&bytes).map_err(|error| disk(&error))?;
    if end < piece.size {
        return Ok(Step::More(end));
    }
    file.sync_all().map_err(|error| disk(&error))?;
    Ok(Step::Whole(path))
}

/// Reads what came whole and keeps it; a foreign file is removed.
///
/// # Errors
/// It is no `.tpy` file; the reason says why.
pub(crate) fn keep(folder: &Path, part: &Path, name: &str) -> Result<Tpy, Failure> {
    let read = tpy::load(part).and_then(|tpy| {
        if tpy.program.symbols.is_empty() {
            return Err(Error::Tpy { file: part.into(), reason: "it names no variable".into() });
        }
        Ok(tpy)
    });
    match read {
        Ok(tpy) => {
            fs::rename(part, folder.join(KEPT)).map_err(|error| disk(&error))?;
            Ok(tpy)
        }
        Err(error) => {
            let _ = fs::remove_file(part);
            let reason = if let Error::Tpy { reason, .. } = error { reason } else { error.to_string() };
            let text = format!("`{name:.200}` is no `.tpy` file that can be used: {reason}");
            Err(Failure::new(text)
                .hint("TwinCAT PLC Control writes it beside the project when it compiles, as PROJECT.tpy"))
        }
    }
}

/// The file that was imported before; none if there is none, or if it cannot be read any more.
pub(crate) fn kept(folder: &Path) -> Option<Tpy> {
    let path = folder.join(KEPT);
    if !path.exists() {
        return None;
    }
    tpy::load(&path).inspect_err(|error| tracing::warn!(%error, "The imported file is not used.")).ok()
}

/// Forgets the imported file. False if there was none.
pub(crate) fn forget(folder: &Path) -> Result<bool, Failure> {
    match fs::remove_file(folder.join(KEPT)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(disk(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(size: u64, offset: u64, bytes: &[u8]) -> Piece {
        Piece { name: "haus.tpy".into(), size, offset, content: BASE64.encode(bytes) }
    }

    fn send(folder: &Path, text: &[u8], piece_bytes: usize) -> Result<Tpy, Failure> {
        let mut offset = 0;
        for part in text.chunks(piece_bytes) {
            if let Step::Whole(path) = take(folder, &piece(text.len() as u64, offset, part))? {
                return keep(folder, &path, "haus.tpy");
            }
            offset += part.len() as u64;
        }
        Err(Failure::new("never whole"))
    }

    const HOUSE: &[u8] =
        b"<PlcProjectInfo><Symbols><Symbol><Name>MAIN.x</Name><Type>BOOL</Type></Symbol></Symbols></PlcProjectInfo>";

    #[test]
    fn a_file_in_pieces_is_kept_and_found_again_and_can_be_forgotten() {
        for size in [1, 7, 1000] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(send(folder.path(), HOUSE, size).unwrap().program.symbols[0].name, "MAIN.x");
            assert_eq!(kept(folder.path()).unwrap().program.symbols.len(), 1);
            assert!(!folder.path().join(PART).exists());
            assert!(forget(folder.path()).unwrap() && !forget(folder.path()).unwrap());
            assert!(kept(folder.path()).is_none());
        }
    }

    #[test]
    fn a_foreign_file_is_refused_with_its_name_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        send(folder.path(), HOUSE, 20).unwrap();
        for (text, want) in [
            (&b"<html><body></body></html>"[..], "its root is `html`"),
            (b"%PDF-1.7 \xff\x00", "is no `.tpy` file"),
            (b"<PlcProjectInfo></PlcProjectInfo>", "names no variable"),
            (b"<PlcProjectInfo><Symbols>", "cut off"),
        ] {
            let failure = send(folder.path(), text, 8).err().unwrap();
            assert!(failure.message.contains(want) && failure.message.contains("haus.tpy"), "{failure:?}");
            assert!(!folder.path().join(PART).exists());
            assert!(kept(folder.path()).is_some());
        }
    }

    #[test]
    fn pieces_that_do_not_follow_are_refused_and_nothing_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert!(take(folder.path(), &piece(10, 0, b"12345")).is_ok());
        let large = vec![0; MOST_PIECE + 1];
        for wrong in [
            piece(10, 3, b"45"),
            piece(10, 5, b"678901"),
            piece(10, 5, b""),
            piece(0, 0, b""),
            piece(MOST_BYTES + 1, 0, b"x"),
            piece(MOST_BYTES, 0, &large),
            Piece { content: "%%%".into(), ..piece(10, 5, b"6") },
        ] {
            assert!(take(folder.path(), &wrong).is_err());
        }
        assert!(matches!(take(folder.path(), &piece(10, 5, b"67890")), Ok(Step::Whole(_))));
        assert!(kept(folder.path()).is_none());
    }
}
