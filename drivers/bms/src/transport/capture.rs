//! A capture that is played in place of a battery: what was asked is looked for in it, and what came then comes again. A
//! capture in which nothing was asked plays by itself, over and over.

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Promise, Wire};
use crate::battery::Question;
use crate::decode::{Line, parse};
use crate::error::Error;

/// The largest file.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Between two pieces of a capture that plays by itself.
const PACE: Duration = Duration::from_millis(20);

/// Before it begins again.
const REST: Duration = Duration::from_secs(1);

/// A capture.
pub(super) struct Capture {
    lines: Vec<Line>,
    /// Behind the question that was found last, or what plays next.
    at: usize,
    coming: VecDeque<Vec<u8>>,
    /// Whether it plays by itself, and when the next piece comes.
    alone: Option<Instant>,
}

impl Capture {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let wrong = |why: String| Error::Capture { file: path.to_owned(), why };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(wrong(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let lines = parse(&text).map_err(wrong)?;
        if !lines.iter().any(|line| matches!(line, Line::Came(_))) {
            return Err(wrong("nothing came in it".into()));
        }
        let is_asked = lines.iter().any(|line| matches!(line, Line::Asked(_)));
        Ok(Self { lines, at: 0, coming: VecDeque::new(), alone: (!is_asked).then(Instant::now) })
    }

    /// Lets come what came after this question, the next time that it was asked.
    fn find(&mut self, question: &[u8]) {
        self.coming.clear();
        let places = (self.at..self.lines.len()).chain(0..self.at);
        let is_it = |at: &usize| matches!(&self.lines[*at], Line::Asked(asked) if asked == question);
        let Some(found) = places.into_iter().find(is_it) else { return };
        let came = |line: &Line| if let Line::Came(bytes) = line { Some(bytes.clone()) } else { None };
        self.coming = self.lines[found + 1..].iter().map_while(came).collect();
        self.at = found + 1;
    }

    /// The next piece of one that plays by itself.
    fn next(&mut self) -> Option<Vec<u8>> {
        let Some(Line::Came(bytes)) = self.lines.get(self.at) else { return None };
        self.at += 1;
        let mut rest = PACE;
        if self.at == self.lines.len() {
            (self.at, rest) = (0, REST);
        }
        self.alone = Some(Instant::now() + rest);
        Some(bytes.clone())
    }
}

impl Wire for Capture {
    fn read(&mut self) -> Promise<'_, Vec<u8>> {
        Box::pin(async {
            if let Some(bytes) = self.coming.pop_front() {
                return Ok(bytes);
            }
            let Some(due) = self.alone else { return std::future::pending().await };
            sleep_until(due).await;
            match self.next() {
                Some(bytes) => Ok(bytes),
                None => std::future::pending().await,
            }
        })
    }

    fn write<'a>(&'a mut self, question: &'a Question) -> Promise<'a, ()> {
        Box::pin(async {
            self.find(&question.bytes);
            Ok(())
        })
    }

    fn only_listens(&self) -> bool {
        self.alone.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(text: &str) -> Result<Capture, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Capture::open(file.path())
    }

    #[tokio::test]
    async fn what_came_after_a_question_comes_again_and_then_what_came_the_next_time() {
        let mut capture = capture("> 01\n< aa\n< bb\n> 02\n< cc\n> 01\n< dd\n").ok().unwrap();
        let one = Question::new("one", [1]);
        let mut came = Vec::new();
        for _ in 0..3 {
            capture.write(&one).await.unwrap();
            while !capture.coming.is_empty() {
                came.push(capture.read().await.unwrap()[0]);
            }
        }
        assert_eq!(came, [0xaa, 0xbb, 0xdd, 0xaa, 0xbb]);
        capture.write(&Question::new("three", [3])).await.unwrap();
        assert!(capture.coming.is_empty(), "what was never asked is not answered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_capture_without_questions_plays_over_and_over() {
        let mut capture = capture("aa\n< bb\n").ok().unwrap();
        assert!(capture.only_listens());
        let mut came = Vec::new();
        for _ in 0..5 {
            came.push(capture.read().await.unwrap()[0]);
        }
        assert_eq!(came, [0xaa, 0xbb, 0xaa, 0xbb, 0xaa]);
    }

    #[test]
    fn what_is_no_capture_says_why() {
        for (text, why) in [("> 01\n", "nothing came in it"), ("< 0\n", "line 1"), ("hello", "line 1")] {
            let error = capture(text).err().unwrap().to_string();
            assert!(error.contains(why), "{error}");
        }
        let error = Capture::open(Path::new("/does/not/exist")).err().unwrap().to_string();
        assert!(error.starts_with("cannot read /does/not/exist: "), "{error}");
    }
}
