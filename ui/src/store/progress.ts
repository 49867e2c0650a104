/** Progress that never goes back, whatever order it comes in. */
import type { AnalysisProgress } from "../generated/AnalysisProgress";
import type { DetectorProgress } from "../generated/DetectorProgress";

/** The newer of both, where no share is below what was shown already. */
export function furthest(before: AnalysisProgress | undefined, next: AnalysisProgress): AnalysisProgress {
  if (before?.analysis !== next.analysis) return next;
  const [older, newer] = before.measured_at > next.measured_at ? [next, before] : [before, next];
  const known = new Map(older.detectors.map((detector) => [detector.name, detector]));
  const detectors = newer.detectors.map((detector) => furthestDetector(known.get(detector.name), detector));
  return { ...newer, percent: Math.max(older.percent, newer.percent), detectors };
}

function furthestDetector(before: DetectorProgress | undefined, next: DetectorProgress): DetectorProgress {
  if (before?.percent === undefined) return next;
  return { ...next, percent: Math.max(before.percent, next.percent ?? 0) };
}
