/** Views of the state that more than one hook needs. Pure. */
import type { Analysis } from "../generated/Analysis";
import type { AnalysisProgress } from "../generated/AnalysisProgress";
import type { ConnectionState } from "../generated/ConnectionState";
import type { Counts } from "../generated/Counts";
import type { DetectorRun } from "../generated/DetectorRun";
import type { DetectorState } from "../generated/DetectorState";
import type { ProjectRow } from "../generated/ProjectRow";
import type { RunMark } from "../generated/RunMark";
import type { TimeLeft } from "../generated/TimeLeft";
import { total } from "../lib/severity";
import type { AppState } from "./state";

/** One row of the detector table. */
export interface DetectorRow {
  name: string;
  version: string | undefined;
  state: DetectorState;
  reason: string | undefined;
  /** 0 to 100; absent when it cannot be told. */
  percent: number | undefined;
  counts: Counts;
  ms: number;
  usualMs: number | undefined;
}

/** An analysis and how far it is, as one. */
export interface LiveAnalysis {
  analysis: Analysis;
  running: boolean;
  /** 0 to 100; absent before the first progress. 100 only of a complete one. */
  percent: number | undefined;
  left: TimeLeft;
  counts: Counts;
  detectors: DetectorRow[];
  /** Detectors that ended with a result, and how many were to run (skipped ones are not). */
  done: number;
  of: number;
  /** When the runner measured this; absent before the first progress. */
  measuredAt: number | undefined;
}

export function liveAnalysis(analysis: Analysis, progress: AnalysisProgress | undefined): LiveAnalysis {
  const complete = analysis.state === "complete";
  const detectors = detectorRows(analysis, progress);
  return {
    analysis,
    running: isRunning(analysis),
    percent: complete ? 100 : progress && Math.min(progress.percent, 99.9),
    left: progress?.left ?? { kind: "unknown" },
    counts: larger(analysis.counts, progress?.counts),
    detectors,
    done: detectors.filter(({ state }) => state === "complete").length,
    of: detectors.filter(({ state }) => state !== "skipped").length,
    measuredAt: progress?.measured_at,
  };
}

export function isRunning({ state }: Pick<RunMark, "state">): boolean {
  return state === "running" || state === "cancelling";
}

/** The projects' rows, where the share of a project that is looked at is the one its overview shows. */
export function projectRows(projects: ProjectRow[], views: AppState["views"]): ProjectRow[] {
  return projects.map((row) => {
    const view = views[row.id];
    if (!row.run || !view?.analysis || !view.progress || !isRunning(row.run)) return row;
    return { ...row, run: { ...row.run, percent: view.progress.percent } };
  });
}

/** In the analysis's order; those that were left out from the start stand behind those that have something to say. */
function detectorRows(analysis: Analysis, progress: AnalysisProgress | undefined): DetectorRow[] {
  const heard = new Map(progress?.detectors.map((detector) => [detector.name, detector]));
  const left = analysis.detectors.filter(({ state }) => state === "skipped");
  const ran = analysis.detectors.filter(({ state }) => state !== "skipped");
  return [...ran, ...left].map((run) => {
    const live = heard.get(run.name);
    const row = { name: run.name, version: run.version, reason: run.reason, usualMs: run.usual_ms };
    if (!live)
      return { ...row, state: endedState(analysis, run.state), percent: undefined, counts: run.counts, ms: run.ms };
    // The durable end of a detector outweighs any progress that was heard of it.
    const state = isEnd(run) ? run.state : live.state;
    const counts = larger(run.counts, live.counts);
    return { ...row, state: endedState(analysis, state), percent: live.percent, counts, ms: Math.max(run.ms, live.ms) };
  });
}

/** A detector that still ran when its analysis ended was stopped with it. */
function endedState(analysis: Analysis, state: DetectorState): DetectorState {
  return state === "running" && !isRunning(analysis) ? "cancelled" : state;
}

function isEnd({ state }: DetectorRun): boolean {
  return state !== "waiting" && state !== "running";
}

/** Issues are only added, so the larger counts are the newer ones. */
function larger(a: Counts, b: Counts | undefined): Counts {
  return b && total(b) > total(a) ? b : a;
}

/** Whether what is shown may be old: there is no connection that would say otherwise. */
export function isStale(state: ConnectionState | undefined): boolean {
  return state?.kind !== "live" && state?.kind !== "catching_up";
}

/** Since when there has been no connection, when that is known. */
export function offlineSince(state: ConnectionState | undefined): number | undefined {
  switch (state?.kind) {
    case "connecting":
      return state.offline_since;
    case "offline":
    case "disconnected":
      return state.since;
    default:
      return undefined;
  }
}
