//! Close codes of the WebSocket, each with what the client does next.

/// Why a connection ends, and so what comes next. The numbers are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// Asked for by either side.
    Normal = 1000,
    /// The server is stopping or restarting.
    GoingAway = 1001,
    /// Not the protocol: a binary message where packed frames were not agreed on, or that is none; text that is no UTF-8.
    Protocol = 1002,
    /// A frame beyond the limit.
    TooLarge = 1009,
    /// The server failed.
    Internal = 1011,
    /// Nothing was heard for `limits::SILENCE`.
    Silent = 4000,
    /// The access token ran out on the live connection.
    TokenExpired = 4001,
    /// The member was disabled, or the sign-in revoked.
    Revoked = 4003,
    /// Durable events waited too long without any progress; the journal has them. Who reads nothing does not read this
    /// either: it finds the connection ended.
    TooSlow = 4008,
    /// Too many frames; later is fine.
    RateLimited = 4029,
    /// Neither side's versions fit.
    Unsupported = 4090,
}

/// What a client does after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reconnect {
    /// At once, then with backoff.
    Now,
    /// With backoff from the start: the server asked for room.
    Later,
    /// After a fresh access token.
    AfterRefresh,
    /// Not by itself: the member has to sign in again.
    SignIn,
    /// Not at all: trying again gives the same.
    Never,
}

impl CloseCode {
    /// Every code of the table.
    pub const ALL: &'static [Self] = &[
        Self::Normal,
        Self::GoingAway,
        Self::Protocol,
        Self::TooLarge,
        Self::Internal,
        Self::Silent,
        Self::TokenExpired,
        Self::Revoked,
        Self::TooSlow,
        Self::RateLimited,
        Self::Unsupported,
    ];

    /// The code of this number; `None` for one that this build does not know.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// What the client does next. A close with an unknown code, or with none at all, is treated as `Now`.
    pub fn reconnect(self) -> Reconnect {
        match self {
            Self::Normal | Self::Silent | Self::TooSlow => Reconnect::Now,
            Self::GoingAway | Self::Internal | Self::RateLimited | Self::TooLarge | Self::Protocol => Reconnect::Later,
            Self::TokenExpired => Reconnect::AfterRefresh,
            Self::Revoked => Reconnect::SignIn,
            Self::Unsupported => Reconnect::Never,
        }
    }

    /// A sentence for people and for the close frame (at most 123 bytes there).
    pub fn reason(self) -> &'static str {
        match self {
            Self::Normal => "closed",
            Self::GoingAway => "the server is restarting",
            Self::Protocol => "not the Watchbell protocol",
            Self::TooLarge => "a frame was larger than allowed",
            Self::Internal => "the server failed",
            Self::Silent => "nothing was heard for 60 s",
            Self::TokenExpired => "the access token ran out",
            Self::Revoked => "signed out by the server",
            Self::TooSlow => "events waited too long; reconnect to catch up",
            Self::RateLimited => "too many frames",
            Self::Unsupported => "this version is not supported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_fits_a_close_frame() {
        for &code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(code.number()), Some(code));
            assert!(code.reason().len() <= 123);
        }
        assert_eq!(CloseCode::from_number(4999), None);
    }
}
