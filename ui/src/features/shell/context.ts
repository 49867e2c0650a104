/** What this window shows: no truth, only where one is looking. It is gone with the window. */
import { createContext, use } from "react";
import type { ProjectId } from "../../generated/ProjectId";

/** Something the window itself has to say, such as the result of an action. */
export interface Notice {
  nth: number;
  title: string;
  text: string;
  bad: boolean;
}

export interface ShellHand {
  project: ProjectId | undefined;
  openProject: (project: ProjectId) => void;
  panelOpen: boolean;
  setPanelOpen: (open: boolean) => void;
  notices: Notice[];
  notify: (notice: Omit<Notice, "nth">) => void;
  /** Runs an action of the platform; if it is refused, the reason is shown under this title. */
  attempt: (failure: string, action: () => Promise<unknown>) => void;
}

export const ShellContext = createContext<ShellHand | undefined>(undefined);

export function useShell(): ShellHand {
  const shell = use(ShellContext);
  if (!shell) throw new Error("a view of the shell was rendered outside of it");
  return shell;
}
