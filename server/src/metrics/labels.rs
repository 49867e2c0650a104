//! Counters for each value of a closed set.

use metrics::{Counter, counter};
use watchbell_protocol::{CloseCode, frame::ResyncReason};

/// A closed set of label values.
pub trait Label: Copy + PartialEq + 'static {
    /// The label's name.
    const NAME: &'static str;

    /// Every value.
    fn all() -> Vec<Self>;

    /// How it is written.
    fn text(self) -> String;
}

/// A counter for each value of `L`.
pub struct Counters<L> {
    counters: Vec<(L, Counter)>,
}

impl<L: Label> Counters<L> {
    pub(super) fn register(name: &'static str) -> Self {
        let counter = |label: L| (label, counter!(name, L::NAME => label.text()));
        Self { counters: L::all().into_iter().map(counter).collect() }
    }

    /// One more.
    pub fn count(&self, label: L) {
        if let Some((_, counter)) = self.counters.iter().find(|(of, _)| *of == label) {
            counter.increment(1);
        }
    }
}

/// `/// doc  Name("label") { /// doc  Value => "text", }`.
macro_rules! labels {
    ($(
        #[doc = $doc:literal]
        $name:ident($label:literal) { $(#[doc = $value_doc:literal] $value:ident => $text:literal,)+ }
    )+) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $value_doc] $value,)+
        }

        impl Label for $name {
            const NAME: &'static str = $label;

            fn all() -> Vec<Self> {
                vec![$(Self::$value),+]
            }

            fn text(self) -> String {
                match self { $(Self::$value => $text.to_owned(),)+ }
            }
        }
    )+};
}

labels! {
    /// What came of a try to connect.
    Attempt("result") {
        /// It was let in.
        Accepted => "accepted",
        /// Without a good token.
        Unauthenticated => "unauthenticated",
        /// Too many connections, or requests.
        Limited => "limited",
        /// By a browser from elsewhere than allowed.
        Origin => "origin",
        /// No upgrade, or another protocol.
        Malformed => "malformed",
        /// The server failed.
        Failed => "failed",
    }
    /// How a join was served.
    Join("kind") {
        /// From the journal, after the client's position.
        Resumed => "resumed",
        /// From the state: no position.
        New => "new",
        /// From the state: the journal no longer reaches back.
        TooOld => "too_old",
        /// From the state: another epoch.
        OtherEpoch => "other_epoch",
        /// From the state: another past.
        Diverged => "diverged",
        /// From the state: admitted again since.
        Readmitted => "readmitted",
    }
    /// A failed proof of who somebody is.
    AuthFailure("proof") {
        /// Name and password.
        Password => "password",
        /// A refresh token.
        RefreshToken => "refresh_token",
        /// An access or API token.
        Token => "token",
    }
    /// A limit that was hit.
    Limit("limit") {
        /// Requests of an address.
        Requests => "requests",
        /// Connections.
        Connections => "connections",
        /// Commands.
        Commands => "commands",
        /// Guesses at passwords.
        SignIns => "sign_ins",
    }
}

impl From<ResyncReason> for Join {
    fn from(reason: ResyncReason) -> Self {
        match reason {
            ResyncReason::New => Self::New,
            ResyncReason::TooOld => Self::TooOld,
            ResyncReason::OtherEpoch => Self::OtherEpoch,
            ResyncReason::Diverged => Self::Diverged,
            ResyncReason::Readmitted => Self::Readmitted,
        }
    }
}

/// How a connection ended: the code that the server closed it with, or none when the other side went first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended(pub Option<CloseCode>);

impl Label for Ended {
    const NAME: &'static str = "code";

    fn all() -> Vec<Self> {
        let codes = CloseCode::ALL.iter().map(|&code| Self(Some(code)));
        codes.chain([Self(None)]).collect()
    }

    fn text(self) -> String {
        self.0.map_or_else(|| "lost".to_owned(), |code| code.number().to_string())
    }
}
