//! Who answers `BlueZ` while a device is paired: `org.bluez.Agent1`, asked for codes and numbers.
#![allow(clippy::used_underscore_binding, clippy::unused_self)] // what `interface` makes of methods that need less

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use zbus::{ObjectPath, OwnedObjectPath, interface};

use super::calls::{Calls, Failure};

/// How long a person may look for a code.
const PERSON: Duration = Duration::from_secs(75);

const MANAGER: &str = "org.bluez.AgentManager1";

/// What comes up while a device is paired.
#[derive(Debug)]
pub enum Question {
    /// The device has a code: on a label, in its manual, on its display.
    Code {
        /// Digits only, at most six; else any text of up to 16 characters.
        digits: bool,
        /// Where the answer goes.
        answer: oneshot::Sender<Answer>,
    },
    /// The device shows a number: is it this one? None if it shows none and only wants a yes.
    Confirm {
        /// The number, with its leading zeros.
        number: Option<String>,
        /// Where the answer goes.
        answer: oneshot::Sender<Answer>,
    },
    /// A person types this at the device. No answer is needed.
    Show {
        /// The code.
        code: String,
    },
}

/// What a person says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The code.
    Code(String),
    /// Yes, it is.
    Yes,
    /// No.
    No,
}

/// What `BlueZ` is told where nobody answers or the answer is no.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.bluez.Error")]
enum Refusal {
    #[zbus(error)]
    Bus(zbus::Error),
    Rejected(String),
    Canceled(String),
}

struct Agent {
    questions: mpsc::Sender<Question>,
}

impl Agent {
    async fn ask(&self, question: Question, answer: oneshot::Receiver<Answer>) -> Result<Answer, Refusal> {
        let asked = self.questions.send(question).await;
        asked.map_err(|_| Refusal::Canceled("nobody is there to answer".into()))?;
        match timeout(PERSON, answer).await {
            Ok(Ok(Answer::No)) => Err(Refusal::Rejected("a person said no".into())),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(Refusal::Canceled("nobody answered".into())),
        }
    }

    async fn code(&self, digits: bool) -> Result<String, Refusal> {
        let (answer, answered) = oneshot::channel();
        match self.ask(Question::Code { digits, answer }, answered).await? {
            Answer::Code(code) => Ok(code),
            _ => Err(Refusal::Rejected("no code was given".into())),
        }
    }

    async fn confirm(&self, number: Option<String>) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.ask(Question::Confirm { number, answer }, answered).await.map(drop)
    }
}

#[interface(name = "org.bluez.Agent1")]
impl Agent {
    fn release(&self) {}

    async fn request_pin_code(&self, _device: ObjectPath<'_>) -> Result<String, Refusal> {
        self.code(false).await
    }

    async fn display_pin_code(&self, _device: ObjectPath<'_>, pincode: String) {
        let _ = self.questions.send(Question::Show { code: pincode }).await;
    }

    async fn request_passkey(&self, _device: ObjectPath<'_>) -> Result<u32, Refusal> {
        let code = self.code(true).await?;
        let number = code.trim().parse().ok().filter(|number| *number <= 999_999);
        number.ok_or_else(|| Refusal::Rejected("the code has to be a number of up to six digits".into()))
    }

    async fn display_passkey(&self, _device: ObjectPath<'_>, passkey: u32, entered: u16) {
        // It comes again with each digit that is typed.
        if entered == 0 {
            let _ = self.questions.send(Question::Show { code: format!("{passkey:06}") }).await;
        }
    }

    async fn request_confirmation(&self, _device: ObjectPath<'_>, passkey: u32) -> Result<(), Refusal> {
        self.confirm(Some(format!("{passkey:06}"))).await
    }

    async fn request_authorization(&self, _device: ObjectPath<'_>) -> Result<(), Refusal> {
        self.confirm(None).await
    }

    fn authorize_service(&self, _device: ObjectPath<'_>, _uuid: String) {}

    fn cancel(&self) {}
}

/// An agent that `BlueZ` knows, until [`Registered::end`].
pub(super) struct Registered {
    calls: Calls,
    path: OwnedObjectPath,
}

impl Registered {
    pub(super) async fn new(calls: &Calls, questions: mpsc::Sender<Question>) -> Result<Self, Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let path = format!("/fieldrail/agent{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let path = OwnedObjectPath::try_from(path).map_err(Failure::from)?;
        calls.connection().object_server().at(&path, Agent { questions }).await.map_err(Failure::from)?;
        let registered = Self { calls: calls.clone(), path };
        let body = (&registered.path, "KeyboardDisplay");
        let told = registered.calls.call("/org/bluez", MANAGER, "RegisterAgent", &body).await;
        match told {
            Ok(_) => Ok(registered),
            Err(failure) => {
                registered.end().await;
                Err(failure)
            }
        }
    }

    pub(super) async fn end(self) {
        let _ = self.calls.call("/org/bluez", MANAGER, "UnregisterAgent", &(&self.path,)).await;
        let _ = self.calls.connection().object_server().remove::<Agent, _>(&self.path).await;
    }
}
