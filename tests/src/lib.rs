//! What needs more than one process: integration and the desktop in a real window.
