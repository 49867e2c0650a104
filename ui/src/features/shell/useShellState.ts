import { useCallback, useEffect, useMemo, useState } from "react";
import { useApp, useAppState } from "../../hooks/context";
import type { ProjectId } from "../../generated/ProjectId";
import { asAppError } from "../../lib/error";
import { MAX_TOASTS } from "../../store/state";
import type { Notice, ShellHand } from "./context";

/** The place of the overview, as the others read it. */
const OVERVIEW = "Overview";

export function useShellState(): ShellHand {
  const { platform } = useApp();
  const projects = useAppState((state) => state.projects);
  const opened = useAppState((state) => state.opened);
  const [chosen, openProject] = useState<ProjectId>();
  const [panelOpen, setPanelOpen] = useState(false);
  const [followed, setFollowed] = useState<number>();
  const [notices, setNotices] = useState<Notice[]>([]);

  // A popup was clicked. Followed while rendering, so that no frame shows the place before.
  if (opened && opened.nth !== followed) {
    setFollowed(opened.nth);
    if (opened.target.kind === "project") openProject(opened.target.project);
    else setPanelOpen(true);
  }

  const project = projects.some(({ id }) => id === chosen) ? chosen : projects[0]?.id;
  useEffect(() => {
    // The others' view of this one: if it cannot be told now, the Rust side tells it when it is connected.
    platform.setViewing(project ?? null, OVERVIEW).catch(() => undefined);
  }, [platform, project]);

  const notify = useCallback((notice: Omit<Notice, "nth">) => {
    setNotices((all) => [...all, { ...notice, nth: (all.at(-1)?.nth ?? 0) + 1 }].slice(-MAX_TOASTS));
  }, []);
  const attempt = useCallback(
    (failure: string, action: () => Promise<unknown>) => {
      action().catch((reason: unknown) => {
        notify({ title: failure, text: asAppError(reason).message, bad: true });
      });
    },
    [notify],
  );
  return useMemo(
    () => ({ project, openProject, panelOpen, setPanelOpen, notices, notify, attempt }),
    [project, panelOpen, notices, notify, attempt],
  );
}
