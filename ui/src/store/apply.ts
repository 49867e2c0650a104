/**
 * The one reducer: a batch of changes in, the next state out. It lands as one, so the views paint once per batch.
 * Deliberately absent: I/O, clocks, wording.
 */
import type { Activity } from "../generated/Activity";
import type { Analysis } from "../generated/Analysis";
import type { AnalysisProgress } from "../generated/AnalysisProgress";
import type { AppChange } from "../generated/AppChange";
import type { Change } from "../generated/Change";
import type { ProjectId } from "../generated/ProjectId";
import type { ProjectView } from "../generated/ProjectView";
import type { Session } from "../generated/Session";
import type { Snapshot } from "../generated/Snapshot";
import { furthest } from "./progress";
import { MAX_TOASTS, type AppState, type Toast } from "./state";

/** What the shell sends, and what this window pulled. */
export type StoreChange = AppChange | { from: "pulled"; value: ProjectView };

/** Entries of a feed that are kept in the window; older ones are in the cache. */
const MAX_ACTIVITY = 100;

export function apply(state: AppState, changes: readonly StoreChange[]): AppState {
  return changes.reduce(applyOne, state);
}

function applyOne(state: AppState, change: StoreChange): AppState {
  switch (change.from) {
    case "snapshot":
      return begin(state, change.value);
    case "client":
      return applyClient(state, change.value);
    case "keyring":
      return { ...state, keyring: change.value };
    case "popups":
      return { ...state, popups: change.value };
    case "open":
      return { ...state, opened: { nth: state.counted, target: change.value }, counted: state.counted + 1 };
    case "pulled":
      return pulled(state, change.value);
  }
}

function applyClient(state: AppState, change: Change): AppState {
  switch (change.kind) {
    case "connection":
      return { ...state, connection: change.connection };
    case "projects":
      return { ...state, projects: change.projects };
    case "people":
      return withView(state, change.project, (view) => ({ ...view, people: change.people }));
    case "analysis":
      return withAnalysis(state, change.analysis);
    case "progress":
      return withView(state, change.project, (view) => withProgress(view, change.progress));
    case "issues":
      return withMoreIssues(state, change.analysis, change.counts);
    case "activity":
      return withView(state, change.project, (view) => ({ ...view, activity: merge(view.activity, change.entries) }));
    case "notifications":
      return { ...state, unread: change.unread, notificationList: state.notificationList + 1 };
    case "arrived":
      if (change.shown !== "toast") return state;
      return withToast(state, {
        nth: state.counted,
        kind: "arrived",
        notification: change.notification,
      });
    case "summary":
      if (change.shown !== "toast") return state;
      return withToast(state, { nth: state.counted, kind: "summary", count: change.count });
    case "refused":
      return withToast(state, { nth: state.counted, kind: "refused", command: change.name, error: change.error });
    case "reset":
      return pullAgain(state, change.project);
  }
}

/** A snapshot of the same member keeps what is on the screen until it was pulled again; another's begins empty. */
function begin(state: AppState, snapshot: Snapshot): AppState {
  const { version, session, keyring, popups, connection, projects, unread } = snapshot;
  const told = { ready: true, version, session, keyring, popups, connection, projects, unread };
  const same = memberOf(state.session) === memberOf(session);
  const pullOf = Object.fromEntries(projects.map(({ id }) => [id, (state.pullOf[id] ?? 0) + 1]));
  const notificationList = state.notificationList + 1;
  if (same) return { ...state, ...told, pullOf, notificationList };
  return { ...state, ...told, pullOf, notificationList, views: {}, issuesOf: {}, toasts: [], opened: undefined };
}

function memberOf(session: Session): string | undefined {
  return session.kind === "signed_in" ? `${session.address} ${session.user}` : undefined;
}

function pulled(state: AppState, view: ProjectView): AppState {
  const before = state.views[view.project.id];
  const kept = before?.analysis?.id === view.analysis?.id ? before?.progress : undefined;
  const next = kept ? withProgress(view, kept) : view;
  return { ...state, views: { ...state.views, [view.project.id]: next } };
}

/** Changes of a project that nobody has looked at are left out: it is pulled whole when somebody does. */
function withView(state: AppState, project: ProjectId, next: (view: ProjectView) => ProjectView): AppState {
  const view = state.views[project];
  if (!view) return state;
  const changed = next(view);
  return changed === view ? state : { ...state, views: { ...state.views, [project]: changed } };
}

function withAnalysis(state: AppState, analysis: Analysis): AppState {
  const before = state.views[analysis.project]?.analysis;
  const next = withView(state, analysis.project, (view) => {
    const same = view.analysis?.id === analysis.id;
    // After a run that did not finish, the last progress still says how far it came.
    const keep = same && analysis.state !== "complete";
    return { ...view, analysis, progress: keep ? view.progress : undefined };
  });
  // A new run makes the one before it part of the trend, which only a pull gives.
  const another = before !== undefined && before.id !== analysis.id;
  return another ? pullAgain(next, analysis.project) : next;
}

function withProgress(view: ProjectView, progress: AnalysisProgress): ProjectView {
  const { analysis } = view;
  if (analysis?.id !== progress.analysis) return view;
  if (analysis.state === "complete") return view;
  return { ...view, progress: furthest(view.progress, progress) };
}

function withMoreIssues(state: AppState, id: Analysis["id"], counts: Analysis["counts"]): AppState {
  const issuesOf = { ...state.issuesOf, [id]: (state.issuesOf[id] ?? 0) + 1 };
  const view = Object.values(state.views).find(({ analysis }) => analysis?.id === id);
  if (!view?.analysis) return { ...state, issuesOf };
  const analysis = { ...view.analysis, counts };
  return withView({ ...state, issuesOf }, view.project.id, (current) => ({ ...current, analysis }));
}

function merge(known: Activity[], entries: Activity[]): Activity[] {
  const fresh = new Set(entries.map(({ id }) => id));
  return [...entries, ...known.filter(({ id }) => !fresh.has(id))].sort((a, b) => b.at - a.at).slice(0, MAX_ACTIVITY);
}

function withToast(state: AppState, toast: Toast): AppState {
  return { ...state, toasts: [...state.toasts, toast].slice(-MAX_TOASTS), counted: state.counted + 1 };
}

function pullAgain(state: AppState, project: ProjectId): AppState {
  return { ...state, pullOf: { ...state.pullOf, [project]: (state.pullOf[project] ?? 0) + 1 } };
}
