//! How deep JSON text is nested, found out before anything is parsed from it.

use memchr::memchr2_iter;

/// Whether objects and lists are nested deeper than `most`. Text that is no JSON may give either answer: the parser
/// refuses it.
pub(super) fn is_deeper(json: &str, most: usize) -> bool {
    // Hardly any has so many brackets, and to find them is far quicker than to see how they stand.
    memchr2_iter(b'{', b'[', json.as_bytes()).nth(most).is_some() && is_nested_deeper(json, most)
}

fn is_nested_deeper(json: &str, most: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nesting_counts_not_brackets_in_strings_nor_how_many_stand_beside_each_other() {
        for (json, depth) in [
            ("7", 0),
            ("[]", 1),
            ("[[],[],[]]", 2),
            (r#"{"a":[{"b":1}]}"#, 3),
            (r#"["[[[["]"#, 1),
            (r#"["\"[[[["]"#, 1),
            (r#"["\\",[]]"#, 2),
        ] {
            assert!(!is_deeper(json, depth), "{json}");
            assert!(depth == 0 || is_deeper(json, depth - 1), "{json}");
        }
        assert!(is_deeper(&"[".repeat(1_000_000), 32));
    }
}
