import { useMemo } from "react";
import type { ProjectId } from "../generated/ProjectId";
import { total } from "../lib/severity";
import { liveAnalysis, type LiveAnalysis } from "../store/selectors";
import { useApp, useAppState } from "./context";

export interface RealTimeAnalysis {
  /** Absent if there was none, or the project was not pulled yet. */
  live: LiveAnalysis | undefined;
  /** Issues of each complete run, oldest first, with this one last if it is complete. */
  trend: number[];
  cancel: () => Promise<void>;
}

const NO_TREND: number[] = [];
/** Runs in the trend, the latest included. */
const MAX_TREND = 30;

/** The latest analysis of a project as it runs. */
export function useRealTimeAnalysis(project: ProjectId): RealTimeAnalysis {
  const { platform } = useApp();
  const analysis = useAppState((state) => state.views[project]?.analysis);
  const progress = useAppState((state) => state.views[project]?.progress);
  const before = useAppState((state) => state.views[project]?.trend ?? NO_TREND);
  const live = useMemo(() => analysis && liveAnalysis(analysis, progress), [analysis, progress]);
  const trend = useMemo(
    () => (live?.analysis.state === "complete" ? [...before, total(live.counts)].slice(-MAX_TREND) : before),
    [before, live],
  );
  return {
    live,
    trend,
    cancel: async () => {
      if (analysis) await platform.cancelAnalysis(analysis.id);
    },
  };
}
