//! The two declarative tables of the wire: events and commands. Nothing else is generated.

/// Declares [`crate::Event`]: one line per event, its wire name beside its payload type.
macro_rules! events {
    ($($name:literal => $variant:ident),+ $(,)?) => {
        /// An event: what happened (or what is so at this moment) in a room.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, ts_rs::TS, schemars::JsonSchema)]
        #[serde(tag = "event", content = "data")]
        pub enum Event {
            $(#[serde(rename = $name)] #[doc = concat!("`", $name, "`")] $variant($variant),)+
            /// An event of a later version: skipped and counted, while the receiver's position still moves past it.
            #[serde(skip)]
            Unknown,
        }

        impl Event {
            /// Every wire name this build knows, in the order of the table.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Every wire name with its delivery class, for the reference.
            pub const CLASSES: &'static [(&'static str, $crate::Class)] =
                &[$(($name, <$variant as $crate::EventType>::CLASS)),+];

            /// Parses the payload of the event `name`; `Unknown` for a name that this build does not know.
            pub(crate) fn parse(name: &str, data: &str) -> serde_json::Result<Self> {
                match name {
                    $($name => serde_json::from_str(data).map(Self::$variant),)+
                    _ => Ok(Self::Unknown),
                }
            }

            /// The wire name; empty for `Unknown`.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ Self::Unknown => "" }
            }

            /// The delivery class, which alone decides what a full outbox does with the event.
            pub fn class(&self) -> $crate::Class {
                match self { $(Self::$variant(_) => <$variant as $crate::EventType>::CLASS,)+ Self::Unknown => $crate::Class::Signal }
            }

            /// For a `Latest` event: which value on the room's board it replaces. For a `Stream` event: the stream's name.
            pub fn key(&self) -> Option<String> {
                match self { $(Self::$variant(data) => $crate::EventType::key(data),)+ Self::Unknown => None }
            }

            /// The board value (event name, key) that this event ends, if any.
            pub fn closes(&self) -> Option<(&'static str, String)> {
                match self { $(Self::$variant(data) => $crate::EventType::closes(data),)+ Self::Unknown => None }
            }
        }

        $(impl From<$variant> for Event {
            fn from(data: $variant) -> Self { Self::$variant(data) }
        })+
    };
}

/// Declares [`crate::Command`]: one line per command, its wire name, how it is delivered, and its payload type.
macro_rules! commands {
    ($($name:literal $delivery:ident => $variant:ident),+ $(,)?) => {
        /// A command: what a client asks the server to do.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, ts_rs::TS, schemars::JsonSchema)]
        #[serde(tag = "cmd", content = "data")]
        pub enum Command {
            $(#[serde(rename = $name)] #[doc = concat!("`", $name, "`")] $variant($variant),)+
        }

        impl Command {
            /// Every wire name this build knows, in the order of the table.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Every wire name with its delivery, for the reference.
            pub const DELIVERIES: &'static [(&'static str, Delivery)] = &[$(($name, Delivery::$delivery)),+];

            /// Parses the payload of the command `name`. The error names the field as a path below `data`.
            pub fn parse(name: &str, data: &str) -> Result<Self, $crate::WireError> {
                match name {
                    $($name => $crate::error::parse(data, "data").map(Self::$variant),)+
                    _ => {
                        let message = format!("the server does not know the command {name:?}");
                        Err($crate::WireError::new($crate::ErrorCode::UnknownCommand, message).at("cmd"))
                    }
                }
            }

            /// The wire name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// Whether the command has an id and an answer, and whether it survives a restart.
            pub fn delivery(&self) -> Delivery {
                match self { $(Self::$variant(_) => Delivery::$delivery,)+ }
            }
        }

        $(impl From<$variant> for Command {
            fn from(data: $variant) -> Self { Self::$variant(data) }
        })+
    };
}
