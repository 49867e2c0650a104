import type { Activity } from "../generated/Activity";
import type { ProjectId } from "../generated/ProjectId";
import { useAppState } from "./context";

/** What happened in a project, newest first; absent until it was pulled. */
export function useActivity(project: ProjectId): Activity[] | undefined {
  return useAppState((state) => state.views[project]?.activity);
}
