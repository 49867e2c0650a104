//! TLS for both transports: rustls with ring, trusting what the operating system trusts.

use std::sync::Once;

/// Makes ring the process's crypto provider, unless the program has chosen one already.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that a provider is there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
