//! One pairing at a time, with a person who is asked through the answers of the action `pair`. Pure: questions, answers and
//! requests come as arguments.

use fieldrail_driver::Failure;
use fieldrail_link_ble::{Address, Answer, Error as Ble, Question};
use serde_json::{Value, json};

use crate::error::Error;

/// What a person said along with `pair`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// The code of the device.
    pub(crate) code: Option<String>,
    /// Whether the number is the same.
    pub(crate) confirm: Option<bool>,
}

/// Who is answered, and with what.
pub(crate) type Reply = (u64, Result<Value, Failure>);

/// The pairing that is under way, or has ended and nobody has heard of it yet.
#[derive(Default)]
pub(crate) struct Pairing {
    device: Option<Address>,
    question: Option<Question>,
    words: Words,
    asker: Option<u64>,
    ended: Option<Result<(), Failure>>,
}

/// What comes of a call of `pair`.
pub(crate) enum Turn {
    /// The pairing has to begin now.
    Begin,
    /// It is under way; perhaps somebody is answered.
    Goes(Option<Reply>),
}

impl Pairing {
    /// Somebody calls `pair`.
    ///
    /// # Errors
    /// Another device is being paired.
    pub(crate) fn call(&mut self, request: u64, address: Address, words: Words) -> Result<Turn, Error> {
        match self.device {
            Some(other) if other != address => return Err(Error::Pairing(other)),
            None => {
                *self = Self { device: Some(address), words, asker: Some(request), ..Self::default() };
                return Ok(Turn::Begin);
            }
            Some(_) => {}
        }
        if let Some(ended) = self.ended.take() {
            self.device = None;
            return Ok(Turn::Goes(Some((request, said(ended)))));
        }
        self.words = words;
        let before = self.asker.replace(request);
        self.settle();
        // Who asked before is not left waiting.
        let told = before.map(|before| (before, Ok(json!({ "asks": "elsewhere" }))));
        Ok(Turn::Goes(told.or_else(|| self.ask_again())))
    }

    /// The device asks something.
    pub(crate) fn asked(&mut self, question: Question) -> Option<Reply> {
        self.question = Some(question);
        self.settle();
        self.ask_again()
    }

    /// The pairing has ended.
    pub(crate) fn ended(&mut self, result: Result<(), Ble>) -> Option<Reply> {
        let result = result.map_err(|error| Failure::from(Error::Bluetooth(error)));
        self.question = None;
        let Some(asker) = self.asker.take() else {
            self.ended = Some(result);
            return None;
        };
        self.device = None;
        Some((asker, said(result)))
    }

    /// Gives the device what was said, if it is what it asks for.
    fn settle(&mut self) {
        self.question = match self.question.take() {
            Some(Question::Code { answer, .. }) if self.words.code.is_some() => {
                let _ = answer.send(Answer::Code(self.words.code.take().unwrap_or_default()));
                None
            }
            Some(Question::Confirm { answer, .. }) if self.words.confirm.is_some() => {
                let is_it = self.words.confirm.take().unwrap_or_default();
                let _ = answer.send(if is_it { Answer::Yes } else { Answer::No });
                None
            }
            other => other,
        };
    }

    /// The question that stands, for whoever waits.
    fn ask_again(&mut self) -> Option<Reply> {
        let asks = match self.question.as_ref()? {
            Question::Code { digits, .. } => json!({ "asks": "code", "digits": digits }),
            Question::Confirm { number, .. } => json!({ "asks": "confirm", "number": number }),
            Question::Show { code } => json!({ "asks": "show", "code": code }),
        };
        let asker = self.asker.take()?;
        if matches!(self.question, Some(Question::Show { .. })) {
            // It is told once; who calls again waits for the end.
            self.question = None;
        }
        Some((asker, Ok(asks)))
    }
}

fn said(result: Result<(), Failure>) -> Result<Value, Failure> {
    result.map(|()| json!({ "paired": true }))
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const ONE: Address = Address([1; 6]);
    const OTHER: Address = Address([2; 6]);

    fn code() -> (Question, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Question::Code { digits: true, answer }, answered)
    }

    fn words(code: &str) -> Words {
        Words { code: Some(code.into()), confirm: None }
    }

    fn reply(turn: Result<Turn, Error>) -> Option<Reply> {
        match turn {
            Ok(Turn::Goes(reply)) => reply,
            _ => panic!("it does not go on"),
        }
    }

    #[test]
    fn a_code_is_asked_for_by_the_answer_and_given_by_the_next_call() {
        let mut pairing = Pairing::default();
        assert!(matches!(pairing.call(1, ONE, Words::default()), Ok(Turn::Begin)));
        let (question, mut answered) = code();
        assert_eq!(pairing.asked(question), Some((1, Ok(json!({ "asks": "code", "digits": true })))));
        assert!(matches!(pairing.call(2, OTHER, Words::default()), Err(Error::Pairing(ONE))));
        // Without the code it is asked for again.
        let again = reply(pairing.call(3, ONE, Words::default()));
        assert_eq!(again, Some((3, Ok(json!({ "asks": "code", "digits": true })))));
        assert_eq!(reply(pairing.call(4, ONE, words("123456"))), None);
        assert_eq!(answered.try_recv(), Ok(Answer::Code("123456".into())));
        assert_eq!(pairing.ended(Ok(())), Some((4, Ok(json!({ "paired": true })))));
        assert!(matches!(pairing.call(5, OTHER, Words::default()), Ok(Turn::Begin)));
    }

    #[test]
    fn a_code_that_is_known_is_given_at_once() {
        let mut pairing = Pairing::default();
        assert!(matches!(pairing.call(1, ONE, words("0")), Ok(Turn::Begin)));
        let (question, mut answered) = code();
        assert_eq!(pairing.asked(question), None);
        assert_eq!(answered.try_recv(), Ok(Answer::Code("0".into())));
        // A wrong one is asked for again, and not given twice.
        let (question, _answered) = code();
        assert!(pairing.asked(question).is_some());
    }

    #[test]
    fn what_a_person_types_at_the_device_is_shown_and_the_end_is_kept() {
        let mut pairing = Pairing::default();
        assert!(matches!(pairing.call(1, ONE, Words::default()), Ok(Turn::Begin)));
        let show = Question::Show { code: "000042".into() };
        assert_eq!(pairing.asked(show), Some((1, Ok(json!({ "asks": "show", "code": "000042" })))));
        let error = Ble::NotPaired { address: ONE, reason: "no".into() };
        assert_eq!(pairing.ended(Err(error)), None);
        let (asker, ended) = reply(pairing.call(2, ONE, Words::default())).unwrap();
        assert_eq!((asker, ended.unwrap_err().message.as_str()), (2, "01:01:01:01:01:01 does not pair: no"));
        assert!(matches!(pairing.call(3, ONE, Words::default()), Ok(Turn::Begin)));
    }
}
