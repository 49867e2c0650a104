import { useCallback, useEffect, useState } from "react";
import type { AppError } from "../generated/AppError";
import type { ProjectId } from "../generated/ProjectId";
import type { ProjectView } from "../generated/ProjectView";
import { asAppError } from "../lib/error";
import { useApp, useAppState } from "./context";

export interface ProjectPull {
  /** Absent until it was pulled. */
  view: ProjectView | undefined;
  /** Why it could not be pulled. */
  error: AppError | undefined;
  retry: () => void;
}

/** A project, pulled when it is first looked at and whenever the Rust side says so, kept up to date in between. */
export function useProject(project: ProjectId): ProjectPull {
  const { store } = useApp();
  const view = useAppState((state) => state.views[project]);
  const asked = useAppState((state) => state.pullOf[project] ?? 0);
  // What was not known becomes known by catching up, so being live is a reason to look again.
  const unknownButLive = useAppState(
    (state) => state.connection?.state.kind === "live" && state.views[project]?.known === false,
  );
  const [error, setError] = useState<AppError>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let current = true;
    store.pull(project).then(
      () => {
        if (current) setError(undefined);
      },
      (reason: unknown) => {
        if (current) setError(asAppError(reason));
      },
    );
    return () => {
      current = false;
    };
  }, [store, project, asked, unknownButLive, attempt]);

  const retry = useCallback(() => {
    setAttempt((count) => count + 1);
  }, []);
  return { view, error, retry };
}
