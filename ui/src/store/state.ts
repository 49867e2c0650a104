/** What the Rust side told this window. Views read it through the hooks; only `apply` makes a new one. */
import type { AnalysisId } from "../generated/AnalysisId";
import type { Connection } from "../generated/Connection";
import type { KeyringState } from "../generated/KeyringState";
import type { Notification } from "../generated/Notification";
import type { OpenTarget } from "../generated/OpenTarget";
import type { PopupState } from "../generated/PopupState";
import type { ProjectId } from "../generated/ProjectId";
import type { ProjectRow } from "../generated/ProjectRow";
import type { ProjectView } from "../generated/ProjectView";
import type { Session } from "../generated/Session";
import type { WireError } from "../generated/WireError";

/** Something to say in the window, once. `nth` tells one from the next and gives their order. */
export type Toast =
  | { nth: number; kind: "arrived"; notification: Notification }
  | { nth: number; kind: "summary"; count: number }
  | { nth: number; kind: "refused"; command: string; error: WireError };

/** Toasts on the screen at once; an older one makes room. */
export const MAX_TOASTS = 3;

export interface AppState {
  /** False until the first snapshot. */
  ready: boolean;
  version: string;
  session: Session;
  keyring: KeyringState;
  popups: PopupState;
  connection: Connection | undefined;
  projects: ProjectRow[];
  unread: number;
  /** The projects that were pulled so far, kept up to date by changes. */
  views: Record<ProjectId, ProjectView>;
  /** Goes up when a project must be pulled (again). */
  pullOf: Record<ProjectId, number>;
  /** Goes up when the issues of an analysis must be pulled again. */
  issuesOf: Record<AnalysisId, number>;
  /** Goes up when the list of notifications must be pulled again. */
  notificationList: number;
  toasts: Toast[];
  /** What a popup asked for last. */
  opened: { nth: number; target: OpenTarget } | undefined;
  /** Counts what has an `nth`. */
  counted: number;
}

export const NOTHING_YET: AppState = {
  ready: false,
  version: "",
  session: { kind: "signed_out", address: "", name: "" },
  keyring: "empty",
  popups: { kind: "unknown" },
  connection: undefined,
  projects: [],
  unread: 0,
  views: {},
  pullOf: {},
  issuesOf: {},
  notificationList: 0,
  toasts: [],
  opened: undefined,
  counted: 0,
};
