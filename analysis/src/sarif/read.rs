//! SARIF in, findings out. The text is read as a stream and never held; what is kept of it is bounded.

use std::{io::Read, ops::ControlFlow};

use super::model::{ArtifactLocation, Component, Log, Message, ResultRow, Rule, Run};
use crate::{
    finding::{Finding, Mark},
    location::Spot,
    severity::Level,
};

/// The name under which [`super::write()`] keeps Watchbell's own fingerprint.
pub(super) const FINGERPRINT: &str = "watchbell/v1";

/// Reads a SARIF log and gives each finding to `found`, until that breaks. Answers how many results there were beyond
/// those that are kept in memory.
pub(crate) fn read(
    input: impl Read,
    found: &mut dyn FnMut(Finding) -> ControlFlow<()>,
) -> Result<u64, serde_json::Error> {
    let log: Log = serde_json::from_reader(std::io::BufReader::new(input))?;
    let mut more = 0;
    for mut run in log.runs {
        let results = run.results.take();
        more += results.as_ref().map_or(0, |results| results.more);
        for row in results.into_iter().flat_map(|results| results.kept).filter(is_a_finding) {
            if found(finding(&run, row)).is_break() {
                return Ok(more);
            }
        }
    }
    Ok(more)
}

/// Passed checks, suppressed results and those that an earlier run had are in the log too.
fn is_a_finding(row: &ResultRow) -> bool {
    let kind = row.kind.as_deref().unwrap_or("fail");
    let is_suppressed = row.suppressions.as_deref().unwrap_or_default().iter().any(|suppression| {
        matches!(suppression.status.as_deref(), None | Some("accepted")) // no status means accepted
    });
    !matches!(kind, "pass" | "notApplicable") && !is_suppressed && row.baseline_state.as_deref() != Some("absent")
}

fn finding(run: &Run, row: ResultRow) -> Finding {
    let rule = rule_of(run, &row);
    let location = row.locations.as_deref().unwrap_or_default().first();
    let physical = location.and_then(|location| location.physical_location.as_ref());
    let region = physical.and_then(|physical| physical.region).unwrap_or_default();
    let id = row.rule_id.clone().or_else(|| row.rule.as_ref()?.id.clone()).or_else(|| rule?.id.clone());
    let id = id.or_else(|| Some(run.tool.driver.name.as_ref()?.to_lowercase())).unwrap_or_else(|| "result".to_owned());
    let level = row.level.as_deref().or_else(|| rule?.default_configuration.as_ref()?.level.as_deref());
    Finding {
        level: level.map(level_of).unwrap_or_default(),
        score: rule.and_then(score),
        message: message(row.message.as_ref(), rule).unwrap_or_else(|| id.clone()),
        spot: physical
            .and_then(|physical| physical.artifact_location.as_ref())
            .map_or(Spot::Nowhere, |artifact| spot(run, artifact)),
        line: region.start_line.unwrap_or(0),
        column: region.start_column,
        end_line: region.end_line,
        help: rule.and_then(|rule| rule.help_uri.clone()),
        mark: mark(row),
        rule: id,
    }
}

/// The rule's description: by its index (which may point into an extension of the tool), else by its id.
fn rule_of<'a>(run: &'a Run, row: &ResultRow) -> Option<&'a Rule> {
    let reference = row.rule.as_ref();
    let extension = reference.and_then(|reference| reference.tool_component.as_ref()?.index);
    let component: &Component = match extension.and_then(|index| usize::try_from(index).ok()) {
        Some(index) => run.tool.extensions.as_ref()?.get(index)?,
        None => &run.tool.driver,
    };
    let rules = component.rules.as_deref()?;
    let index = row.rule_index.or_else(|| reference?.index).and_then(|index| usize::try_from(index).ok());
    let id = row.rule_id.as_deref().or_else(|| reference?.id.as_deref());
    let by_index = index.and_then(|index| rules.get(index));
    by_index.or_else(|| rules.iter().find(|rule| id.is_some() && rule.id.as_deref() == id))
}

fn level_of(word: &str) -> Level {
    match word {
        "error" => Level::Error,
        "note" => Level::Note,
        "none" => Level::None,
        _ => Level::Warning,
    }
}

fn score(rule: &Rule) -> Option<f32> {
    match rule.properties.as_ref()?.security_severity.as_ref()? {
        serde_json::Value::String(text) => text.parse().ok(),
        number => number.as_f64().map(|number| number as f32),
    }
}

/// The text; else the rule's text under the message's id, its arguments filled in; else what the rule is about.
fn message(message: Option<&Message>, rule: Option<&Rule>) -> Option<String> {
    let direct = message.and_then(|message| message.text.as_ref().or(message.markdown.as_ref()));
    if let Some(text) = direct {
        return Some(text.clone());
    }
    let id = message.and_then(|message| message.id.as_deref()).unwrap_or("default");
    let template = rule.and_then(|rule| rule.message_strings.as_ref()?.get(id)?.text.clone());
    let arguments = message.and_then(|message| message.arguments.as_deref()).unwrap_or_default();
    template.map(|template| filled(&template, arguments)).or_else(|| rule?.short_description.as_ref()?.text.clone())
}

/// The template with `{0}`, `{1}`, … replaced, in one pass: what an argument says is not looked at again, or a few
/// arguments that name each other would double the text with every one of them.
fn filled(template: &str, arguments: &[String]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        let placeholder = behind.split_once('}').and_then(|(number, after)| Some((number.parse().ok()?, after)));
        let replaced = placeholder.and_then(|(at, after): (usize, _)| Some((arguments.get(at)?.as_str(), after)));
        let (with, after) = replaced.unwrap_or(("{", behind));
        text.push_str(with);
        rest = after;
    }
    text + rest
}

fn spot(run: &Run, artifact: &ArtifactLocation) -> Spot {
    let by_index = || {
        let index = usize::try_from(artifact.index?).ok()?;
        run.artifacts.as_ref()?.get(index)?.location.as_ref()
    };
    let artifact = if artifact.uri.is_some() { Some(artifact) } else { by_index() };
    let Some((artifact, uri)) = artifact.and_then(|artifact| Some((artifact, artifact.uri.as_ref()?))) else {
        return Spot::Nowhere;
    };
    // A base that the log does not define (`%SRCROOT%`, mostly) is where the tool ran.
    let base = artifact.uri_base_id.as_ref().and_then(|id| run.original_uri_base_ids.as_ref()?.get(id)?.uri.as_ref());
    let is_relative = !uri.starts_with('/') && !uri.starts_with("file:");
    Spot::Uri(match base {
        Some(base) if is_relative && base.ends_with('/') => format!("{base}{uri}"),
        Some(base) if is_relative => format!("{base}/{uri}"),
        _ => uri.clone(),
    })
}

/// A tool's own fingerprint counts if it looks like a hash; one tool writes "requires login" there.
fn mark(row: ResultRow) -> Mark {
    if let Some(ours) = row.partial_fingerprints.and_then(|mut prints| prints.remove(FINGERPRINT)) {
        return Mark::Ours(ours);
    }
    let given = row.fingerprints.and_then(|prints| {
        let looks_like_hash = |print: &&String| print.len() >= 16 && print.bytes().all(|byte| byte.is_ascii_hexdigit());
        prints.values().filter(looks_like_hash).min().cloned()
    });
    given.map_or(Mark::Context, Mark::Given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(results: &str, rules: &str) -> Vec<Finding> {
        let text = format!(
            r#"{{"version":"2.1.0","runs":[{{"results":{results},"tool":{{"driver":{{"name":"Tool","rules":{rules}}}}}}}]}}"#
        );
        let mut findings = Vec::new();
        let read = read(text.as_bytes(), &mut |finding| {
            findings.push(finding);
            ControlFlow::Continue(())
        });
        assert_eq!(read.unwrap(), 0);
        findings
    }

    #[test]
    fn the_level_is_the_results_then_the_rules_then_warning() {
        let rules = r#"[{"id":"a","defaultConfiguration":{"level":"error"}}]"#;
        let all = findings(
            r#"[{"ruleId":"a","level":"note"},{"ruleId":"a"},{"ruleId":"b"},{"ruleIndex":0,"level":null}]"#,
            rules,
        );
        let levels: Vec<Level> = all.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Note, Level::Error, Level::Warning, Level::Error]);
        assert_eq!(all[3].rule, "a");
    }

    #[test]
    fn a_message_is_filled_in_from_the_rule() {
        let rules =
            r#"[{"id":"a","messageStrings":{"m":{"text":"{0} is not {1}"}},"shortDescription":{"text":"short"}}]"#;
        let all = findings(
            r#"[{"ruleId":"a","message":{"id":"m","arguments":["x","y"]}},{"ruleId":"a"},{"message":{"markdown":"md"}}]"#,
            rules,
        );
        let messages: Vec<&str> = all.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["x is not y", "short", "md"]);
        assert_eq!(all[2].rule, "tool");
    }

    #[test]
    fn an_argument_that_looks_like_a_placeholder_stays_as_it_is() {
        let arguments = ["{1}{1}".to_owned(), "{0}".to_owned()];
        for (template, text) in [
            ("{0} {1}", "{1}{1} {0}"),
            ("{{0}}", "{{1}{1}}"),
            ("{2} {} {x {1", "{2} {} {x {1"),
            ("", ""),
            ("ä{1}ö", "ä{0}ö"),
        ] {
            assert_eq!(filled(template, &arguments), text);
        }
    }

    #[test]
    fn passed_suppressed_and_gone_results_are_no_findings() {
        let results = r#"[{"kind":"pass"},{"suppressions":[{"kind":"inSource"}]},{"suppressions":[]},
            {"suppressions":[{"status":"rejected"}]},{"baselineState":"absent"}]"#;
        assert_eq!(findings(results, "[]").len(), 2);
    }

    #[test]
    fn only_what_looks_like_a_hash_is_taken_for_a_fingerprint() {
        let results = r#"[{"fingerprints":{"a/v1":"requires login"}},{"fingerprints":{"a/v1":"0123456789abcdef"}},
            {"partialFingerprints":{"watchbell/v1":"ff:2"}}]"#;
        let marks: Vec<Mark> = findings(results, "[]").into_iter().map(|finding| finding.mark).collect();
        assert_eq!(marks, [Mark::Context, Mark::Given("0123456789abcdef".into()), Mark::Ours("ff:2".into())]);
    }

    #[test]
    fn what_is_no_sarif_is_refused() {
        for text in ["", "[]", "{}", r#"{"runs":[{}]}"#, r#"{"runs":[{"tool":{"driver":{}},"results":[{]}"#] {
            assert!(read(text.as_bytes(), &mut |_| ControlFlow::Continue(())).is_err(), "{text}");
        }
    }
}
