import { describe, expect, it, test } from "vitest";
import type { AnalysisProgress } from "../src/generated/AnalysisProgress";
import type { Change } from "../src/generated/Change";
import type { NotificationRow } from "../src/generated/NotificationRow";
import { analysis, progress } from "../src/platform/memory/analysis";
import { MemoryPlatform } from "../src/platform/memory";
import { COMPILER } from "../src/platform/memory/people";
import { apply } from "../src/store/apply";
import { NOTHING_YET, type AppState } from "../src/store/state";

const { snapshot, views } = new MemoryPlatform("running");
const view = views.get(COMPILER);
if (!view) throw new Error("the data set has no compiler");

const begun = apply(NOTHING_YET, [
  { from: "snapshot", value: snapshot },
  { from: "pulled", value: view },
]);
const after = (...changes: Change[]): AppState =>
  apply(
    begun,
    changes.map((value) => ({ from: "client", value })),
  );
const told = (state: AppState) => state.views[COMPILER];
const at = (percent: number, measured_at: number): AnalysisProgress => ({ ...progress(), percent, measured_at });

describe("each change lands where it belongs", () => {
  const connection = { state: { kind: "disconnected", since: 5 }, waiting: 1 } as const;
  const entry = view.activity[0];
  const cases: [string, Change, (state: AppState) => unknown, unknown][] = [
    ["connection", { kind: "connection", connection }, (state) => state.connection, connection],
    ["projects", { kind: "projects", projects: [] }, (state) => state.projects, []],
    ["people", { kind: "people", project: COMPILER, people: [] }, (state) => told(state)?.people, []],
    ["notifications", { kind: "notifications", unread: 3 }, (state) => state.unread, 3],
    ["reset", { kind: "reset", project: COMPILER }, (state) => state.pullOf[COMPILER], 2],
    [
      "issues",
      { kind: "issues", analysis: "a-214", counts: { ...progress().counts, low: 99 } },
      (state) => [state.issuesOf["a-214"], told(state)?.analysis?.counts.low],
      [1, 99],
    ],
    [
      "activity, known entries replaced",
      { kind: "activity", project: COMPILER, entries: entry ? [{ ...entry, what: { kind: "project_added" } }] : [] },
      (state) => [told(state)?.activity.length, told(state)?.activity[0]?.what.kind],
      [view.activity.length, "project_added"],
    ],
  ];
  test.each(cases)("%s", (_, change, select, expected) => {
    expect(select(after(change))).toEqual(expected);
  });
});

describe("progress", () => {
  it("never goes back, and takes the rest from the newer measurement", () => {
    const state = after(
      { kind: "progress", project: COMPILER, progress: at(70, 2e12) },
      { kind: "progress", project: COMPILER, progress: at(65, 3e12) },
    );
    expect(told(state)?.progress?.percent).toBe(70);
    expect(told(state)?.progress?.measured_at).toBe(3e12);
  });

  it("keeps the newer one when they come out of order", () => {
    const state = after(
      { kind: "progress", project: COMPILER, progress: at(80, 3e12) },
      { kind: "progress", project: COMPILER, progress: at(70, 2e12) },
    );
    expect(told(state)?.progress?.measured_at).toBe(3e12);
    expect(told(state)?.progress?.percent).toBe(80);
  });

  it("of a detector never goes back either, nor becomes unknown", () => {
    const next = at(70, 2e12);
    const clippy = next.detectors.findIndex(({ name }) => name === "clippy");
    next.detectors = next.detectors.map((one, n) => (n === clippy ? { ...one, percent: undefined } : one));
    const state = after({ kind: "progress", project: COMPILER, progress: next });
    expect(told(state)?.progress?.detectors[clippy]?.percent).toBe(71.2);
  });

  it("of another analysis, or after the end, is left out", () => {
    const other = { ...at(90, 2e12), analysis: "a-99" };
    expect(told(after({ kind: "progress", project: COMPILER, progress: other }))?.progress?.percent).toBe(63.4);
    const ended = after(
      { kind: "analysis", analysis: analysis("complete") },
      { kind: "progress", project: COMPILER, progress: at(97, 2e12) },
    );
    expect(told(ended)?.progress).toBeUndefined();
  });

  it("stays after a failure, to say how far it came", () => {
    const state = after({ kind: "analysis", analysis: analysis("failed") });
    expect(told(state)?.progress?.percent).toBe(63.4);
  });
});

it("pulls again when a new analysis makes the one before part of the trend", () => {
  const next = { ...analysis("running"), id: "a-215", number: 215 };
  const state = after({ kind: "analysis", analysis: next });
  expect(state.pullOf[COMPILER]).toBe(2);
  expect(told(state)?.progress).toBeUndefined();
});

it("leaves out changes of a project that was never looked at", () => {
  expect(after({ kind: "people", project: "p-registry", people: [] }).views).toBe(begun.views);
});

describe("a snapshot", () => {
  it("of the same member keeps what is shown and asks to pull it again", () => {
    const state = apply(begun, [{ from: "snapshot", value: snapshot }]);
    expect(told(state)).toBe(view);
    expect(state.pullOf[COMPILER]).toBe(2);
  });

  it("of somebody else leaves nothing of the one before", () => {
    const session = { kind: "signed_out", address: "", name: "" } as const;
    const state = apply(begun, [{ from: "snapshot", value: { ...snapshot, session, projects: [] } }]);
    expect(state.views).toEqual({});
  });
});

describe("toasts", () => {
  const [{ notification }] = new MemoryPlatform("running").notificationList as [NotificationRow];
  const arrived = (shown: "toast" | "popup" | "silent" | "grouped"): Change => ({
    kind: "arrived",
    notification,
    shown,
  });

  it("are only what Rust decided to show in the window", () => {
    expect(after(arrived("popup"), arrived("silent"), arrived("grouped")).toasts).toEqual([]);
    expect(after(arrived("toast")).toasts).toHaveLength(1);
    const summary = (shown: "toast" | "popup"): Change => ({ kind: "summary", count: 7, unread: 9, shown });
    expect(after(summary("popup")).toasts).toEqual([]);
    expect(after(summary("toast")).toasts).toMatchObject([{ kind: "summary", count: 7 }]);
  });

  it("are at most three, the newest", () => {
    const { toasts } = after(...Array.from({ length: 5 }, () => arrived("toast")));
    expect(toasts.map(({ nth }) => nth)).toEqual([2, 3, 4]);
  });

  it("say what was refused, and why", () => {
    const error = { code: "conflict", message: "It has ended." } as const;
    const { toasts } = after({ kind: "refused", command: "c-1", name: "analysis:cancel", error });
    expect(toasts[0]).toMatchObject({ kind: "refused", command: "analysis:cancel", error });
  });
});

it("remembers what a popup asked for, each time anew", () => {
  const open = { from: "open", value: { kind: "notifications" } } as const;
  const once = apply(begun, [open]);
  expect(apply(once, [open]).opened?.nth).not.toBe(once.opened?.nth);
});
