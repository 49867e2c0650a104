import { useEffect, useMemo, useRef } from "react";
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

/** The latest analysis of a project as it runs. */
export function useRealTimeAnalysis(project: ProjectId): RealTimeAnalysis {
  const { platform } = useApp();
  const analysis = useAppState((state) => state.views[project]?.analysis);
  const progress = useAppState((state) => state.views[project]?.progress);
  const before = useAppState((state) => state.views[project]?.trend ?? NO_TREND);
  const live = useMemo(() => analysis && liveAnalysis(analysis, progress), [analysis, progress]);
  usePainted(live?.running === true ? live.measuredAt : undefined);
  const trend = useMemo(
    () => (live?.analysis.state === "complete" ? [...before, total(live.counts)] : before),
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

/** Tells the Rust side when a progress is on the screen: two frames after it was rendered, once per progress. */
function usePainted(measuredAt: number | undefined): void {
  const { platform } = useApp();
  const told = useRef<number>(undefined);
  useEffect(() => {
    if (measuredAt === undefined || told.current === measuredAt) return;
    told.current = measuredAt;
    requestAnimationFrame(() => {
      requestAnimationFrame(() => {
        // A measurement: if nobody takes it, nothing is lost.
        platform.painted(measuredAt).catch(() => undefined);
      });
    });
  }, [platform, measuredAt]);
}
