/** What happened at Lantern Labs: the activity feed and the notifications. */
import type { Activity } from "../../generated/Activity";
import type { ActivityKind } from "../../generated/ActivityKind";
import type { Level } from "../../generated/Level";
import type { NotificationKind } from "../../generated/NotificationKind";
import type { NotificationRow } from "../../generated/NotificationRow";
import type { Origin } from "../../generated/Origin";
import { ANALYSIS, analysis, type Ending } from "./analysis";
import { COMPILER, FORMATTER, today } from "./people";

const by = (name: string): Origin => ({ kind: "user", id: `u-${name.toLowerCase()}`, name });
const BUILD: Origin = { kind: "token", name: "build" };
const NOBODY = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };

export function activity(ending: Ending): Activity[] {
  const { counts } = analysis(ending);
  const ended = { kind: "analysis_ended", analysis: ANALYSIS, number: 214, counts } as const;
  const last: [string, Origin, ActivityKind][] = {
    running: [],
    complete: [["14:03", by("Ines"), { ...ended, state: "complete" as const }] as [string, Origin, ActivityKind]],
    failed: [
      ["14:02", { kind: "server" as const }, { ...ended, state: "failed" as const }] as [string, Origin, ActivityKind],
    ],
  }[ending];
  const told: [string, Origin, ActivityKind][] = [
    ...last,
    ["14:00", by("Ines"), { kind: "analysis_started", analysis: ANALYSIS, number: 214 }],
    ["13:51", BUILD, { kind: "posted", title: "Build 1482 passed in 3:12" }],
    ["13:40", by("Priya"), { kind: "posted", title: "Handled by the wildcard arm now", body: "See the second commit" }],
    ["13:20", BUILD, { kind: "posted", title: "Deploy 88 reached staging" }],
    ["12:58", by("Jonas"), { kind: "posted", title: "The jump table is built twice here", body: "lower.rs" }],
    [
      "11:47",
      by("Tomas"),
      { ...ended, analysis: "a-213", number: 213, state: "complete", counts: { ...counts, info: 5 } },
    ],
    ["11:44", by("Tomas"), { kind: "analysis_started", analysis: "a-213", number: 213 }],
    ["10:15", by("Ines"), { kind: "member_added", name: "Anders" }],
  ];
  const yesterday: [string, Origin, ActivityKind][] = [
    ["16:31", by("Sofia"), { kind: "posted", title: "Session notes: match lowering", body: "Four open questions" }],
    ["16:05", by("Kofi"), { ...ended, analysis: "a-212", number: 212, state: "cancelled", counts: NOBODY }],
  ];
  return [...told.map((one) => entry(one, 0)), ...yesterday.map((one) => entry(one, 1))];
}

export function emptyFeed(): Activity[] {
  return [{ ...entry(["13:55", by("Maya"), { kind: "project_added" }], 0), project: FORMATTER }];
}

export function notifications(): NotificationRow[] {
  return [
    row(
      9,
      "notice",
      "error",
      "Build 611 failed",
      "cargo test: 2 tests failed in hover::markdown",
      "language-server",
      today("13:48"),
      false,
    ),
    row(
      8,
      "notice",
      "info",
      "Priya replied in pattern.rs",
      "Handled by the wildcard arm now, see the second commit.",
      "compiler",
      today("13:40"),
      false,
    ),
    row(
      7,
      "analysis_complete",
      "success",
      "Analysis 213 finished",
      "2 critical, 4 high, 67 issues in all",
      "compiler",
      today("11:47"),
      true,
    ),
    row(
      6,
      "analysis_ended",
      "error",
      "Analysis 97 failed",
      "The runner was lost after 40 s",
      "language-server",
      today("11:02"),
      false,
    ),
    row(
      5,
      "notice",
      "success",
      "registry-api is running again",
      "It was unhealthy for 4 min",
      "registry",
      today("10:22"),
      true,
    ),
    row(
      4,
      "analysis_complete",
      "warning",
      "Analysis 88 finished",
      "3 high, 41 issues in all",
      "registry",
      today("17:31", 1),
      false,
    ),
    row(
      3,
      "system",
      "warning",
      "Storage at 80\u2009% of its quota",
      "16.1 of 20 GB used on Lantern Labs",
      undefined,
      today("16:05", 1),
      false,
    ),
    row(
      2,
      "notice",
      "info",
      "The lowering benchmarks are ready",
      "The jump table wins by a lot.",
      "compiler",
      today("15:12", 1),
      false,
    ),
    row(
      1,
      "system",
      "info",
      "Watchbell 1.4.2 is ready to install",
      "It installs when you next quit",
      undefined,
      today("09:00", 1),
      false,
    ),
  ];
}

function row(
  seq: number,
  kind: NotificationKind,
  level: Level,
  title: string,
  body: string,
  project: string | undefined,
  at: number,
  read: boolean,
): NotificationRow {
  const link = project === "compiler" ? ({ kind: "analysis", analysis: ANALYSIS } as const) : undefined;
  const notification = { id: `n-${seq}`, seq, kind, level, title, body, at, link };
  return {
    notification: { ...notification, project: project && `p-${project}`, read_at: read ? at + 60_000 : undefined },
    project_name: project,
    waiting: false,
  };
}

function entry([time, who, what]: [string, Origin, ActivityKind], days: number): Activity {
  const at = today(time, days);
  return { id: `act-${at}-${what.kind}`, project: COMPILER, at, by: who, what };
}
