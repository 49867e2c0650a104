//! The desktop shell: bridge, tray, popups, keyring.

pub mod view;
