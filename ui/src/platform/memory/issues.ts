/** Issues of analysis 214: the ones of the pictures, and enough others to make the counts true. */
import type { Counts } from "../../generated/Counts";
import type { Issue } from "../../generated/Issue";
import type { IssueFilter } from "../../generated/IssueFilter";
import type { Severity } from "../../generated/Severity";
import { SEVERITIES } from "../../lib/severity";

type Told = [severity: Severity, message: string, detector: string, rule: string, path: string, line: number];

const TOLD: Told[] = [
  ["critical", "GitHub token found in a test fixture", "secretlint", "github", "tests/fixtures/registry/auth.toml", 4],
  ["critical", "Transmute makes the arena static", "semgrep", "arena-transmute", "crates/ast/src/arena.rs", 118],
  ["high", "Lock guard is held across an await", "clippy", "await_holding_lock", "crates/typeck/src/exhaustive.rs", 98],
  [
    "high",
    "Expression in a run step can inject code",
    "zizmor",
    "template-injection",
    ".github/workflows/nightly.yml",
    47,
  ],
  ["high", "set_len leaves elements uninitialised", "clippy", "uninit_vec", "crates/codegen/src/buffer.rs", 61],
  ["high", "strcpy does not check the size", "flawfinder", "FF1001", "runtime/gc/mark.c", 332],
  ["medium", "unwrap on a value from source text", "semgrep", "unwrap-on-input", "crates/typeck/src/exhaustive.rs", 88],
  ["medium", "Unquoted variable splits words", "shellcheck", "SC2086", "tools/bootstrap.sh", 58],
  [
    "medium",
    "Large size difference between variants",
    "clippy",
    "large_enum_variant",
    "crates/typeck/src/constraint.rs",
    27,
  ],
  ["medium", "subprocess call with shell=True", "bandit", "B602", "tools/fuzz/minimise.py", 73],
  ["medium", "Action is not pinned to a commit", "zizmor", "unpinned-uses", ".github/workflows/ci.yml", 19],
];

const FILLERS: Record<Severity, [message: string, detector: string, rule: string]> = {
  critical: ["Secret found in a configuration file", "secretlint", "generic"],
  high: ["Result of a fallible call is ignored", "clippy", "let_underscore_must_use"],
  medium: ["Function has too many lines", "clippy", "too_many_lines"],
  low: ["Needless borrow of the scrutinee", "clippy", "needless_borrow"],
  info: ["“occured” should be “occurred”", "typos", "typo"],
};

const FILES = ["lower.rs", "pattern.rs", "solve.rs", "parse.rs", "lexer.rs", "emit.rs", "layout.rs"];

/** As many issues of each severity as the counts say, worst first. */
export function issues(counts: Counts): Issue[] {
  return SEVERITIES.flatMap((severity) => {
    const told = TOLD.filter(([of]) => of === severity).slice(0, counts[severity]);
    const rest = Math.max(0, counts[severity] - told.length);
    return [...told.map(toIssue), ...Array.from({ length: rest }, (_, n) => toIssue(filler(severity, n)))];
  });
}

/** What the cache's query lets through. */
export function matches(issue: Issue, filter: IssueFilter): boolean {
  if (filter.severities.length > 0 && !filter.severities.includes(issue.severity)) return false;
  if (filter.detector !== undefined && filter.detector !== issue.detector) return false;
  const text = filter.text?.toLowerCase() ?? "";
  return [issue.message, issue.rule, issue.path].some((part) => part.toLowerCase().includes(text));
}

function filler(severity: Severity, n: number): Told {
  const [message, detector, rule] = FILLERS[severity];
  return [severity, message, detector, rule, `crates/lower/src/${FILES[n % FILES.length] ?? ""}`, 12 + n * 31];
}

function toIssue([severity, message, detector, rule, path, line]: Told): Issue {
  const help = detector === "shellcheck" ? `https://www.shellcheck.net/wiki/${rule}` : undefined;
  return { fingerprint: `${detector}/${rule}/${path}:${line}`, detector, rule, severity, message, path, line, help };
}
