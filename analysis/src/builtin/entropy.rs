//! How random a text looks.

/// Shannon entropy, bits per character: about 1.5 for `aaaabbbc`, above 4 for a random token.
pub(super) fn bits_per_character(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = text.len() as f64;
    let shares = counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / all);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_low_and_randomness_high() {
        assert!(bits_per_character("aaaaaaaaaaaaaaaa").abs() < 0.01);
        assert!(bits_per_character("hunter2hunter2") < 3.0);
        assert!(bits_per_character("q8Zt3LwX0vRk7PnB5mYd") > 4.0);
        assert!(bits_per_character("").abs() < 0.01);
    }
}
