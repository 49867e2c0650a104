//! The sign-in form: what was typed, checked field by field, made into what the server is asked.

use serde::Deserialize;
use url::Url;
use watchbell_client::address;
use watchbell_protocol::{
    DeviceId, Text,
    event::DeviceKind,
    http::{SignIn, SignInDevice},
};

use crate::view::AppError;

/// What was typed.
#[derive(Deserialize)]
pub struct SignInForm {
    /// The server's address.
    pub address: String,
    /// The member's name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl SignInForm {
    /// The server and what to ask it, or which field is wrong.
    pub fn check(self, device: SignInDevice) -> Result<(Url, SignIn), AppError> {
        let server = address::parse(&self.address)?;
        let name = self.name.trim();
        if name.is_empty() {
            return Err(AppError::at("name", "Enter your name on this server."));
        }
        if self.password.is_empty() {
            return Err(AppError::at("password", "Enter your password."));
        }
        let name = Text::try_from(name).map_err(|error| AppError::at("name", format!("The name {error}.")))?;
        let password = Text::try_from(self.password)
            .map_err(|error| AppError::at("password", format!("The password {error}.")))?;
        Ok((server, SignIn { name, password, device }))
    }
}

/// This installation, under the computer's name.
pub fn device(id: DeviceId) -> SignInDevice {
    let name = Text::clip(gethostname::gethostname().to_string_lossy());
    SignInDevice { id, kind: DeviceKind::Desktop, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(address: &str, name: &str, password: &str) -> Result<(Url, SignIn), AppError> {
        SignInForm { address: address.into(), name: name.into(), password: password.into() }
            .check(device(DeviceId::fresh()))
    }

    #[test]
    fn what_is_missing_is_said_at_its_field() {
        let long = "x".repeat(2000);
        for (address, name, password, field) in [
            ("", "maya", "secret", "address"),
            ("http://bell.example.com", "maya", "secret", "address"),
            ("bell.example.com", " ", "secret", "name"),
            ("bell.example.com", &long, "secret", "name"),
            ("bell.example.com", "maya", "", "password"),
            ("bell.example.com", "maya", &long, "password"),
        ] {
            let Err(error) = checked(address, name, password) else { panic!("{address} {name} was let through") };
            assert_eq!(error.field.as_deref(), Some(field), "{}", error.message);
        }
    }

    #[test]
    fn the_name_is_taken_without_the_space_around_it_and_the_password_as_it_is() {
        let (server, form) = checked(" bell.example.com ", " maya ", " secret ").ok().unwrap();
        assert_eq!(server.as_str(), "https://bell.example.com/");
        assert_eq!((form.name.as_str(), form.password.as_str()), ("maya", " secret "));
    }
}
