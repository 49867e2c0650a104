//! Running detectors: registry, SARIF, progress and time left, cancellation.
