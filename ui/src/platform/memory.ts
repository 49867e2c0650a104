/**
 * The door without a Rust side: the same UI in a plain browser, on a fixed data set, for tests and for looking at it.
 * Actions have their effect on the data here, as they have in the cache. Deliberately absent: a network, any store.
 */
import type { AppChange } from "../generated/AppChange";
import type { AppError } from "../generated/AppError";
import type { Change } from "../generated/Change";
import type { Connection } from "../generated/Connection";
import type { Issue } from "../generated/Issue";
import type { NotificationRow } from "../generated/NotificationRow";
import type { ProjectView } from "../generated/ProjectView";
import type { Session } from "../generated/Session";
import type { Snapshot } from "../generated/Snapshot";
import { now } from "../lib/clock";
import { ANALYSIS, analysis, progress, TREND, type Ending } from "./memory/analysis";
import { activity, emptyFeed, notifications } from "./memory/feed";
import { issues, matches } from "./memory/issues";
import { COMPILER, FORMATTER, people, projects, SESSION, today } from "./memory/people";
import type { Platform, SignInForm } from "./types";

export const STATES = [
  "running",
  "done",
  "empty",
  "loading",
  "error",
  "offline",
  "notifications",
  "signed-out",
] as const;
export type MemoryState = (typeof STATES)[number];

/** A page of notifications. */
const PAGE = 50;

export class MemoryPlatform implements Platform {
  readonly views = new Map<string, ProjectView>();
  issueList: Issue[];
  notificationList: NotificationRow[];
  snapshot: Snapshot;
  /** Every call of a method that has an effect, in order. */
  readonly calls: { method: string; args: unknown[] }[] = [];
  /** Set to make the next calls of a method fail. */
  readonly failures = new Map<keyof Platform, AppError>();
  #listener: ((changes: AppChange[]) => void) | undefined;

  constructor(readonly state: MemoryState) {
    const ending: Ending = state === "done" ? "complete" : state === "error" ? "failed" : "running";
    this.issueList = issues(analysis(ending).counts);
    this.notificationList = notifications();
    this.snapshot = snapshotOf(state);
    for (const project of this.snapshot.projects) this.views.set(project.id, viewOf(project.id, this.snapshot, ending));
    if (state === "offline") this.#wait(["n-9", "n-6"]);
  }

  /** Pushes changes, as the client does. */
  push(...changes: Change[]): void {
    this.#listener?.(changes.map((value) => ({ from: "client", value })));
  }

  send(...changes: AppChange[]): void {
    this.#listener?.(changes);
  }

  subscribe(onChanges: (changes: AppChange[]) => void): Promise<() => void> {
    this.#listener = onChanges;
    onChanges([{ from: "snapshot", value: this.snapshot }]);
    if (this.state === "notifications") this.send({ from: "open", value: { kind: "notifications" } });
    return Promise.resolve(() => {
      this.#listener = undefined;
    });
  }

  async signIn(form: SignInForm): Promise<void> {
    await this.#did("signIn", form);
    if (!form.address.includes(".")) throw fieldError("address", "No server answered at this address");
    if (form.password !== "harbour") throw fieldError("password", "The name or the password is wrong");
    this.#begin({ ...snapshotOf("running"), keyring: this.snapshot.keyring });
  }

  async signOut(): Promise<void> {
    await this.#did("signOut");
    this.#begin({ ...snapshotOf("signed-out"), keyring: this.snapshot.keyring });
  }

  async lookForKeyring(): Promise<void> {
    await this.#did("lookForKeyring");
    this.snapshot = { ...this.snapshot, keyring: "empty" };
    this.send({ from: "keyring", value: "empty" });
  }

  async connect(): Promise<void> {
    await this.#did("connect");
    this.connection({ state: { kind: "live", since: now() }, latency_ms: 14, waiting: 0, saved_at: now() });
  }

  async disconnect(): Promise<void> {
    await this.#did("disconnect");
    this.connection({ state: { kind: "disconnected", since: now() }, waiting: 0, saved_at: now() });
  }

  async retryNow(): Promise<void> {
    await this.#did("retryNow");
    const since = today("14:02");
    this.connection({ state: { kind: "connecting", offline_since: since }, waiting: 2, saved_at: since });
  }

  async project(project: string): Promise<ProjectView> {
    this.#fail("project");
    if (this.state === "loading" && project === COMPILER) return new Promise<ProjectView>(() => undefined);
    const view = this.views.get(project);
    return view ? Promise.resolve(view) : Promise.reject(error("There is no such project."));
  }

  async issues(id: string, filter: Parameters<Platform["issues"]>[1], offset: number, limit: number) {
    this.#fail("issues");
    const found = id === ANALYSIS ? this.issueList.filter((issue) => matches(issue, filter)) : [];
    return Promise.resolve({ analysis: id, rows: found.slice(offset, offset + limit), total: found.length });
  }

  async notifications({ unread, before }: Parameters<Platform["notifications"]>[0]) {
    this.#fail("notifications");
    const found = this.notificationList.filter(
      ({ notification }) =>
        (!unread || notification.read_at === undefined) && (before === undefined || notification.seq < before),
    );
    const newest = this.notificationList[0]?.notification.seq ?? 0;
    return Promise.resolve({ rows: found.slice(0, PAGE), more: found.length > PAGE, unread: this.#unread(), newest });
  }

  async markRead(ids: string[]): Promise<void> {
    await this.#did("markRead", ids);
    const waiting = this.#isOffline();
    this.#rows((row) => (ids.includes(row.notification.id) ? { ...read(row), waiting } : row));
  }

  async markAllRead(through: number): Promise<void> {
    await this.#did("markAllRead", through);
    const waiting = this.#isOffline();
    this.#rows((row) => (row.notification.read_at === undefined ? { ...read(row), waiting } : row));
  }

  async clearAll(through: number): Promise<void> {
    await this.#did("clearAll", through);
    this.notificationList = this.notificationList.filter(({ notification }) => notification.seq > through);
    this.push({ kind: "notifications", unread: this.#unread() });
  }

  async cancelAnalysis(id: string): Promise<void> {
    await this.#did("cancelAnalysis", id);
    this.push({ kind: "analysis", analysis: { ...analysis("running"), state: "cancelling" } });
  }

  setViewing(project: string | null, place: string): Promise<void> {
    return this.#did("setViewing", project, place);
  }

  async testPopup(): Promise<string> {
    await this.#did("testPopup");
    return "There is no notification service in a browser.";
  }

  openUrl(url: string): Promise<void> {
    return this.#did("openUrl", url);
  }

  painted(measuredAt: number): Promise<void> {
    return this.#did("painted", measuredAt);
  }

  connection(connection: Connection): void {
    this.snapshot = { ...this.snapshot, connection };
    this.push({ kind: "connection", connection });
  }

  #begin(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.send({ from: "snapshot", value: snapshot });
  }

  #did(method: keyof Platform, ...args: unknown[]): Promise<void> {
    this.calls.push({ method, args });
    this.#fail(method);
    return Promise.resolve();
  }

  #fail(method: keyof Platform): void {
    const failure = this.failures.get(method);
    if (failure) throw failure as unknown as Error;
  }

  #rows(next: (row: NotificationRow) => NotificationRow): void {
    this.notificationList = this.notificationList.map(next);
    this.push({ kind: "notifications", unread: this.#unread() });
  }

  #wait(ids: string[]): void {
    this.#rows((row) => (ids.includes(row.notification.id) ? { ...read(row), waiting: true } : row));
    this.snapshot = { ...this.snapshot, unread: this.#unread() };
  }

  #unread(): number {
    return this.notificationList.filter(({ notification }) => notification.read_at === undefined).length;
  }

  #isOffline(): boolean {
    return this.snapshot.connection?.state.kind !== "live";
  }
}

function snapshotOf(state: MemoryState): Snapshot {
  const session: Session = state === "signed-out" ? { kind: "signed_out", address: "", name: "" } : SESSION;
  const common = { version: "0.1.0", session, popups: { kind: "on", service: "dunst" } as const };
  if (state === "signed-out") return { ...common, keyring: "absent", projects: [], unread: 0 };
  const rows = projects().map((row) => {
    if (row.id !== COMPILER) return row;
    if (state === "done") return { ...row, run: { state: "complete" as const } };
    if (state === "error") return { ...row, run: { state: "failed" as const } };
    return state === "loading" ? { ...row, run: undefined } : row;
  });
  const first = state === "empty" ? FORMATTER : COMPILER;
  rows.sort((a, b) => Number(b.id === first) - Number(a.id === first));
  return { ...common, keyring: "kept", connection: connectionOf(state), projects: rows, unread: 7 };
}

function connectionOf(state: MemoryState): Connection {
  const saved_at = today("14:02");
  switch (state) {
    case "offline":
      return {
        state: { kind: "offline", since: saved_at, next_try_at: now() + 8_000, reason: "No answer from the server." },
        waiting: 2,
        saved_at,
      };
    case "loading":
      return { state: { kind: "catching_up", done: 1, of: 5 }, waiting: 0 };
    default:
      return { state: { kind: "live", since: today("13:20") }, latency_ms: 14, waiting: 0, saved_at };
  }
}

function viewOf(id: string, snapshot: Snapshot, ending: Ending): ProjectView {
  const project = snapshot.projects.find((row) => row.id === id) ?? { id, name: id, unread: 0 };
  const base = { project, known: true, people: people(id) };
  if (id !== COMPILER) return { ...base, activity: emptyFeed().map((one) => ({ ...one, project: id })), trend: [] };
  return {
    ...base,
    analysis: analysis(ending),
    progress: ending === "complete" ? undefined : progress(),
    activity: activity(ending),
    trend: TREND,
  };
}

function read(row: NotificationRow): NotificationRow {
  return { ...row, notification: { ...row.notification, read_at: now() } };
}

function error(message: string): Error {
  return new Error(message);
}

function fieldError(field: string, message: string): Error {
  return Object.assign(new Error(message), { field });
}
