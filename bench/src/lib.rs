//! Load generator and scenarios.
