//! The promises of `docs/guarantees.md` stay shown: every test that the page cites must be in the file that it names.
//!
//! Deliberately absent: whether a test shows what the page says; that is for people to judge.

/// The page.
pub const PAGE: &str = "docs/guarantees.md";

/// Complaints about the page's citations. `text_of` gives the text of a file by its name.
pub fn check<'a>(page: &str, text_of: impl Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let cited = cited(page);
    if cited.is_empty() {
        return vec![format!("{PAGE}: cites no test")];
    }
    let complaint = |(file, test): (&str, &str)| match text_of(file) {
        None => Some(format!("{PAGE}: there is no {file}")),
        Some(text) if text.contains(&format!("fn {test}(")) => None,
        Some(_) => Some(format!("{PAGE}: {file} has no {test}")),
    };
    cited.into_iter().filter_map(complaint).collect()
}

/// Every file and test of a page's citations: `file.rs` › `test`, and more tests of the same file behind commas.
fn cited(page: &str) -> Vec<(&str, &str)> {
    let mut cited = Vec::new();
    let mut file = None;
    let mut pieces = page.split('`');
    // What is not code and what is take turns.
    while let (Some(before), Some(code)) = (pieces.next(), pieces.next()) {
        if code.strip_suffix(".rs").is_some() {
            file = Some(code);
            continue;
        }
        // Anything else in between ends the citation.
        file = file.filter(|_| matches!(before.trim(), "›" | ","));
        cited.extend(file.map(|file| (file, code)));
    }
    cited
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "#[test]\nfn a_fact() {}\n#[tokio::test]\nasync fn another() {}\n";

    fn complaints(page: &str) -> Vec<String> {
        check(page, |name| (name == "server/tests/a.rs").then_some(FILE))
    }

    #[test]
    fn a_citation_is_a_file_and_its_tests_over_lines_and_nothing_else() {
        let page =
            "- A promise of `x`. `a.rs` ›\n  `one`,\n  `two`; `b/c.rs` › `three`\n- See `d.rs`, or `a command`. `e`";
        assert_eq!(cited(page), [("a.rs", "one"), ("a.rs", "two"), ("b/c.rs", "three")]);
    }

    #[test]
    fn a_test_that_is_there_is_no_complaint() {
        assert_eq!(complaints("`server/tests/a.rs` › `a_fact`, `another`"), [] as [String; 0]);
    }

    #[test]
    fn a_test_or_file_that_is_gone_is_a_complaint_and_so_is_a_page_without_any() {
        let complaints = |page| complaints(page).join("\n");
        assert_eq!(complaints("`server/tests/a.rs` › `a_fac`"), format!("{PAGE}: server/tests/a.rs has no a_fac"));
        assert_eq!(complaints("`server/tests/b.rs` › `a_fact`"), format!("{PAGE}: there is no server/tests/b.rs"));
        assert_eq!(complaints(""), format!("{PAGE}: cites no test"));
    }
}
