//! What the targets share: a mutation that keeps JSON whole, and the planted panic, which shows that a run would find a
//! real one.

pub mod json;

use std::sync::LazyLock;

/// Set by `cargo xtask fuzz --planted`.
static IS_PLANTED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WATCHBELL_FUZZ_PLANTED").is_some());

/// Panics where `is_reached` holds, if this run is to find a panic.
///
/// # Panics
/// On purpose, in a run with `--planted`.
pub fn planted(is_reached: impl FnOnce() -> bool) {
    assert!(!(*IS_PLANTED && is_reached()), "planted");
}

/// Mutates the JSON in `data` as JSON, three times of four; else, and what is no JSON, byte by byte.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let as_json = if seed.is_multiple_of(4) { None } else { json::mutate(&mut data[..max_size], size, seed) };
    as_json.unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, max_size))
}
