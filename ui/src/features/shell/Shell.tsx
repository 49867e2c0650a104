/** The window when somebody is signed in: its regions, their keys, and what lies over them. */
import { useRef } from "react";
import { useApp, useAppState } from "../../hooks/context";
import { useShortcuts } from "../../hooks/useShortcuts";
import { ErrorBoundary } from "../../primitives/ErrorBoundary";
import { NotificationPanel } from "../notifications/NotificationPanel";
import { Project } from "../overview/Project";
import { ConnectionBanner } from "./ConnectionBanner";
import { ShellContext } from "./context";
import { nextRegion } from "./regions";
import { Sidebar } from "./Sidebar";
import { StatusBar } from "./StatusBar";
import { Toaster } from "./Toaster";
import { useShellState } from "./useShellState";
import "./shell.css";

export function Shell() {
  const shell = useShellState();
  const { project, panelOpen, setPanelOpen } = shell;
  const bell = useRef<HTMLButtonElement>(null);
  useShellKeys(shell);
  const closePanel = () => {
    setPanelOpen(false);
    bell.current?.focus();
  };
  return (
    <ShellContext value={shell}>
      <div className="app">
        <ErrorBoundary region="The sidebar">
          <Sidebar />
        </ErrorBoundary>
        <div className="center">
          <ConnectionBanner />
          <div className="stage">
            {project === undefined ? <NoProject /> : <Project key={project} project={project} bell={bell} />}
            {panelOpen && (
              <ErrorBoundary region="Notifications">
                <NotificationPanel bell={bell} onClose={closePanel} />
              </ErrorBoundary>
            )}
          </div>
        </div>
        <StatusBar />
        <Toaster />
      </div>
    </ShellContext>
  );
}

function useShellKeys({
  project,
  openProject,
  panelOpen,
  setPanelOpen,
  attempt,
}: ReturnType<typeof useShellState>): void {
  const { platform } = useApp();
  const projects = useAppState((state) => state.projects);
  const step = (by: number) => {
    const at = projects.findIndex(({ id }) => id === project);
    const next = projects[at + by];
    if (next) openProject(next.id);
  };
  const analysis = useAppState((state) => (project === undefined ? undefined : state.views[project]?.analysis));
  useShortcuts({
    n: () => {
      setPanelOpen(!panelOpen);
    },
    F6: () => {
      nextRegion(1);
    },
    "Shift F6": () => {
      nextRegion(-1);
    },
    "Alt ArrowUp": () => {
      step(-1);
    },
    "Alt ArrowDown": () => {
      step(1);
    },
    "Ctrl .": () => {
      if (analysis?.state !== "running") return;
      attempt("The analysis could not be cancelled", () => platform.cancelAnalysis(analysis.id));
    },
  });
}

function NoProject() {
  return (
    <main className="content lone" data-region tabIndex={-1} aria-label="Projects">
      <div className="empty">
        <h2>No project yet</h2>
        <p>Ask the person who runs your server to add you to one. It appears here at once.</p>
      </div>
    </main>
  );
}
