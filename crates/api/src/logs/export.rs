//! The log as a file: JSON or CSV, the newest line first, sent page by page so that it never lies in memory as a whole.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use fieldrail_node::{LogFilter, Node};
use futures_util::stream;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::{Entry, LONGEST_PAGE, Wanted};
use crate::answer::Answer;
use crate::call::{Call, NoBody};
use crate::problem::Result;

/// Lines of one file, at the most: as many as the log keeps.
const MOST_LINES: usize = 200_000;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// One array of the lines as `/api/logs` shows them.
    #[default]
    Json,
    /// One line each, for a spreadsheet: RFC 4180, with a header.
    Csv,
}

/// Which lines, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// `json` or `csv`.
    #[serde(default)]
    format: Format,
    /// Of this instance only.
    instance: Option<String>,
    /// Of this level or a graver one: `trace`, `debug`, `info`, `warn` or `error`.
    level: Option<String>,
    /// With this text in the message or its fields, in any case.
    search: Option<String>,
    /// Said then or later, in milliseconds since 1970 UTC.
    since_ms: Option<i64>,
    /// Said then or earlier, in milliseconds since 1970 UTC.
    until_ms: Option<i64>,
    /// The most in the file.
    #[schemars(range(min = 1, max = 200_000))]
    limit: Option<usize>,
}

/// A file to be saved.
pub(crate) struct File {
    format: Format,
    body: Body,
}

impl Answer for File {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn respond(self) -> Response {
        let (kind, name) = match self.format {
            Format::Json => ("application/json", "attachment; filename=\"fieldrail-log.json\""),
            Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"fieldrail-log.csv\""),
        };
        let mut response = self.body.into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
        response
    }
}

/// How far a file is written.
struct Writing {
    node: Arc<Node>,
    format: Format,
    filter: LogFilter,
    left: usize,
    stage: Stage,
}

#[derive(PartialEq)]
enum Stage {
    Begin,
    Middle,
    End,
}

pub(crate) fn export(call: &Call, query: ExportQuery, _: NoBody) -> Result<File> {
    let ExportQuery { format, instance, level, search, since_ms, until_ms, limit } = query;
    let filter = Wanted { instance, level, search, since_ms, until_ms }.filter()?;
    let left = limit.unwrap_or(MOST_LINES).clamp(1, MOST_LINES);
    let writing = Writing { node: Arc::clone(call.node()), format, filter, left, stage: Stage::Begin };
    let pieces = stream::try_unfold(writing, |writing| async move {
        // The disk is read where waiting holds up nobody else, and only as fast as the file is taken.
        match tokio::task::spawn_blocking(move || writing.next()).await {
            Ok(piece) => piece.map_err(std::io::Error::other),
            Err(panic) => Err(std::io::Error::other(panic)),
        }
    });
    Ok(File { format, body: Body::from_stream(pieces) })
}

impl Writing {
    /// The next piece of the file; none at its end.
    fn next(mut self) -> fieldrail_node::Result<Option<(Bytes, Self)>> {
        if self.stage == Stage::End {
            return Ok(None);
        }
        let mut piece = String::new();
        let first = self.stage == Stage::Begin;
        if first {
            piece.push_str(if self.format == Format::Csv { CSV_HEAD } else { "[" });
            self.stage = Stage::Middle;
        }
        self.filter.limit = self.left.min(LONGEST_PAGE);
        let lines: VecDeque<Entry> = self.node.logbook().query(&self.filter)?.into_iter().map(Entry::from).collect();
        self.left = self.left.saturating_sub(lines.len());
        let over = lines.len() < self.filter.limit || self.left == 0;
        self.filter.before = lines.back().map(|last| last.id);
        for (at, line) in lines.iter().enumerate() {
            match self.format {
                Format::Csv => csv_line(&mut piece, line),
                Format::Json => {
                    piece.push_str(if first && at == 0 { "\n" } else { ",\n" });
                    piece.push_str(&serde_json::to_string(line).unwrap_or_default());
                }
            }
        }
        if over {
            self.stage = Stage::End;
            piece.push_str(if self.format == Format::Json { "\n]\n" } else { "" });
        }
        Ok(Some((piece.into(), self)))
    }
}

const CSV_HEAD: &str = "id,time,level,instance,message,fields\r\n";

fn csv_line(piece: &mut String, line: &Entry) {
    piece.push_str(&line.id.to_string());
    let fields = line.fields.as_ref().map(ToString::to_string).unwrap_or_default();
    for text in [&utc(line.time_ms), line.level, &line.instance, &line.message, &fields] {
        piece.push(',');
        csv_cell(piece, text);
    }
    piece.push_str("\r\n");
}

/// A text in quotes. A spreadsheet takes what begins with certain characters for a formula, and would run it; an apostrophe
/// before it says that it is text.
fn csv_cell(piece: &mut String, text: &str) {
    piece.push('"');
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) {
        piece.push('\'');
    }
    piece.push_str(&text.replace('"', "\"\""));
    piece.push('"');
}

/// `2026-11-26T00:19:16.000Z`, in the calendar of ISO 8601.
fn utc(ms: i64) -> String {
    let (day, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Howard Hinnant's way from days to a date: eras of 400 years that begin in March.
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let mut cell = String::new();
        csv_cell(&mut cell, text);
        assert_eq!(cell, want);
    }

    #[test]
    fn a_cell_is_quoted_and_no_formula() {
        check("Connected.", r#""Connected.""#);
        check(r#"said "no", then"#, r#""said ""no"", then""#);
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "|calc", "%x"] {
            check(formula, &format!("\"'{formula}\""));
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(utc(1_790_294_399_999), "2026-09-24T23:59:59.999Z");
        assert_eq!(utc(-1), "1969-12-31T23:59:59.999Z");
    }
}
