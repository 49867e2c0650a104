//! From what went wrong to the sentence that the window shows, with the form's field it belongs to.

use watchbell_client::{CacheError, OpenError, SendError, address::AddressError, http::SignInError};
use watchbell_protocol::ErrorCode;

use crate::{keyring::Unusable, session::NotRestored, view::AppError};

impl AppError {
    /// A sentence that belongs to no field.
    #[allow(clippy::needless_pass_by_value)] // so that sentences and errors are written the same
    pub(crate) fn new(message: impl ToString) -> Self {
        Self { message: sentence(&message.to_string()), field: None }
    }

    /// A sentence about a field of the sign-in form.
    pub(crate) fn at(field: &str, message: impl ToString) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(message) }
    }

    /// What was asked for needs a member.
    pub(crate) fn signed_out() -> Self {
        Self::new("Nobody is signed in.")
    }
}

impl From<AddressError> for AppError {
    fn from(error: AddressError) -> Self {
        Self::at("address", error)
    }
}

impl From<SignInError> for AppError {
    fn from(error: SignInError) -> Self {
        match &error {
            SignInError::Address(_) | SignInError::Unreachable { .. } | SignInError::NotWatchbell { .. } => {
                Self::at("address", error)
            }
            SignInError::Refused(refusal) if refusal.code == ErrorCode::Unauthenticated => {
                Self::at("password", &refusal.message)
            }
            SignInError::Refused(refusal) => Self::new(&refusal.message),
        }
    }
}

macro_rules! plain {
    ($($error:ty),+) => {$(
        impl From<$error> for AppError {
            fn from(error: $error) -> Self {
                Self::new(error)
            }
        }
    )+};
}

plain!(CacheError, OpenError, SendError, Unusable, NotRestored);

/// Errors are written to stand inside a sentence; the window shows them as one.
fn sentence(error: &str) -> String {
    let mut letters = error.trim().chars();
    let mut sentence: String =
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if !sentence.ends_with(['.', '?', '!', '…']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use watchbell_client::address;
    use watchbell_protocol::WireError;

    use super::*;

    #[test]
    fn a_wrong_password_is_said_at_the_password() {
        let refused = SignInError::Refused(WireError::new(ErrorCode::Unauthenticated, "wrong name or password"));
        let shown = AppError::from(refused);
        assert_eq!(shown.message, "Wrong name or password.");
        assert_eq!(shown.field.as_deref(), Some("password"));
    }

    #[test]
    fn a_wrong_address_is_said_at_the_address() {
        for typed in ["", "http://bell.example.com", "ftp://bell", "a b"] {
            let shown = AppError::from(address::parse(typed).unwrap_err());
            assert_eq!(shown.field.as_deref(), Some("address"), "{typed}");
            assert!(shown.message.ends_with('.'), "{}", shown.message);
        }
    }

    #[test]
    fn too_many_attempts_belong_to_no_field() {
        let refused = SignInError::Refused(WireError::new(ErrorCode::RateLimited, "too many attempts; wait a minute"));
        assert_eq!(
            AppError::from(refused),
            AppError { message: "Too many attempts; wait a minute.".into(), field: None }
        );
    }
}
