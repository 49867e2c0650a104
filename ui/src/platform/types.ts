/** The only door to the Rust side. `tauri.ts` opens it in the app, `memory.ts` feeds the same UI in a plain browser. */
import type { AnalysisId } from "../generated/AnalysisId";
import type { AppChange } from "../generated/AppChange";
import type { IssueFilter } from "../generated/IssueFilter";
import type { IssuePage } from "../generated/IssuePage";
import type { NotificationFilter } from "../generated/NotificationFilter";
import type { NotificationId } from "../generated/NotificationId";
import type { NotificationPage } from "../generated/NotificationPage";
import type { ProjectId } from "../generated/ProjectId";
import type { ProjectView } from "../generated/ProjectView";
import type { Seq } from "../generated/Seq";
import type { UnixMillis } from "../generated/UnixMillis";

export interface SignInForm {
  address: string;
  name: string;
  password: string;
}

/** Every method rejects with an `AppError` (generated), which is a sentence for people. */
export interface Platform {
  /** Begins the stream of changes; the first batch starts with a snapshot. Returns the way to end it. */
  subscribe(onChanges: (changes: AppChange[]) => void): Promise<() => void>;

  signIn(form: SignInForm): Promise<void>;
  signOut(): Promise<void>;
  /** Looks for the keyring again, and stores the session there if it is found. */
  lookForKeyring(): Promise<void>;

  connect(): Promise<void>;
  disconnect(): Promise<void>;
  retryNow(): Promise<void>;

  project(project: ProjectId): Promise<ProjectView>;
  issues(analysis: AnalysisId, filter: IssueFilter, offset: number, limit: number): Promise<IssuePage>;
  notifications(filter: NotificationFilter): Promise<NotificationPage>;

  markRead(ids: NotificationId[]): Promise<void>;
  markAllRead(through: Seq): Promise<void>;
  clearAll(through: Seq): Promise<void>;
  cancelAnalysis(analysis: AnalysisId): Promise<void>;

  /** What is being looked at, for the others; `null` when nothing is. */
  setViewing(project: ProjectId | null, place: string): Promise<void>;
  /** Shows a test popup and says what really happened. */
  testPopup(): Promise<string>;
  openUrl(url: string): Promise<void>;
  /** A progress value measured at that time (by the runner's clock) is on the screen now. */
  painted(measuredAt: UnixMillis): Promise<void>;
}
