/** Analysis 214 of the compiler: running, finished, or failed with its runner. */
import type { Analysis } from "../../generated/Analysis";
import type { AnalysisProgress } from "../../generated/AnalysisProgress";
import type { Counts } from "../../generated/Counts";
import type { DetectorRun } from "../../generated/DetectorRun";
import type { DetectorState } from "../../generated/DetectorState";
import { COMPILER, today } from "./people";

export const ANALYSIS = "a-214";
export type Ending = "running" | "complete" | "failed";

interface Detector {
  name: string;
  state: DetectorState;
  percent?: number;
  reason?: string;
  found: Counts;
  ms: number;
  usual_ms?: number;
  /** What it found, and how long it took, when the analysis was over. */
  ended?: { found: Counts; ms: number };
}

const DETECTORS: Detector[] = [
  {
    name: "clippy",
    state: "running",
    percent: 71.2,
    found: found(0, 2, 9, 14),
    ms: 108_000,
    usual_ms: 152_000,
    ended: { found: found(0, 2, 10, 16), ms: 149_000 },
  },
  {
    name: "semgrep",
    state: "running",
    percent: 44,
    found: found(1, 0, 4),
    ms: 52_000,
    usual_ms: 95_000,
    ended: { found: found(1, 0, 5), ms: 98_000 },
  },
  {
    name: "jscpd",
    state: "running",
    found: found(0, 0, 0, 3),
    ms: 14_000,
    usual_ms: 40_000,
    ended: { found: found(0, 0, 0, 4), ms: 41_000 },
  },
  { name: "flawfinder", state: "complete", percent: 100, found: found(0, 1, 2, 5), ms: 9_000 },
  { name: "ruff", state: "complete", percent: 100, found: found(0, 0, 1, 4), ms: 2_000 },
  { name: "bandit", state: "complete", percent: 100, found: found(0, 0, 1, 2), ms: 6_000 },
  { name: "shellcheck", state: "complete", percent: 100, found: found(0, 0, 2, 3, 1), ms: 3_000 },
  { name: "zizmor", state: "complete", percent: 100, found: found(0, 1, 2), ms: 4_000 },
  { name: "typos", state: "complete", percent: 100, found: found(0, 0, 0, 0, 8), ms: 5_000 },
  { name: "secretlint", state: "complete", percent: 100, found: found(1), ms: 11_000 },
  { name: "hadolint", state: "skipped", reason: "no Dockerfile", found: found(), ms: 0 },
  {
    name: "markdownlint",
    state: "waiting",
    found: found(),
    ms: 0,
    usual_ms: 8_000,
    ended: { found: found(0, 0, 0, 0, 2), ms: 8_000 },
  },
];

export function analysis(ending: Ending): Analysis {
  const detectors = DETECTORS.map((detector) => run(detector, ending));
  return {
    id: ANALYSIS,
    project: COMPILER,
    number: 214,
    state: ending,
    started_by: { kind: "user", id: "u-ines", name: "Ines" },
    runner: "forge-2",
    root: "compiler",
    branch: "typeck-exhaustive-match",
    revision: "8f3c1ae5d2b94470c1f6a7e02d9b8c3355e1f0aa",
    files: 1284,
    started_at: today("14:00:32"),
    ended_at: ending === "running" ? undefined : today(ending === "complete" ? "14:03:18" : "14:02:20"),
    detectors,
    counts: sum(detectors.map(({ counts }) => counts)),
    usual_ms: 170_000,
    reason: ending === "failed" ? "runner forge-2 was lost" : undefined,
  };
}

export function progress(): AnalysisProgress {
  const detectors = DETECTORS.map(({ name, state, percent, found: counts, ms }) => ({
    name,
    state,
    percent,
    counts,
    ms,
  }));
  return {
    analysis: ANALYSIS,
    percent: 63.4,
    left: { kind: "about", ms: 62_000, p80_ms: 80_000 },
    detectors,
    counts: sum(detectors.map(({ counts }) => counts)),
    measured_at: today("14:02:19"),
  };
}

/** Issues of each of the last 29 complete runs. */
export const TREND = [
  96, 97, 93, 92, 94, 90, 88, 91, 89, 86, 87, 85, 82, 83, 84, 81, 79, 80, 76, 77, 74, 75, 72, 73, 71, 70, 70, 69, 67,
].map((issues) => issues + (issues > 80 ? 0 : 1));

function run(detector: Detector, ending: Ending): DetectorRun {
  const { name, state, reason, found: counts, ms, usual_ms, ended } = detector;
  const base = { name, reason, counts, ms, usual_ms };
  if (ending === "complete" && ended) return { ...base, state: "complete", counts: ended.found, ms: ended.ms };
  if (ending === "failed" && name === "semgrep") return { ...base, state: "failed", reason: "exit 2, report cut off" };
  if (ending === "failed" && state === "running") return { ...base, state: "cancelled" };
  return { ...base, state };
}

function found(critical = 0, high = 0, medium = 0, low = 0, info = 0): Counts {
  return { critical, high, medium, low, info };
}

function sum(all: Counts[]): Counts {
  return all.reduce(
    (a, b) => found(a.critical + b.critical, a.high + b.high, a.medium + b.medium, a.low + b.low, a.info + b.info),
    found(),
  );
}
