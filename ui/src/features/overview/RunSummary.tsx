import type { ReactNode } from "react";
import type { Analysis } from "../../generated/Analysis";
import { useConnectionStatus, type ConnectionStatus } from "../../hooks/useConnectionStatus";
import { useNow } from "../../hooks/useNow";
import { usePainted } from "../../hooks/usePainted";
import { duration, percent, plural, timeLeft, when } from "../../lib/format";
import { SEVERITIES, total } from "../../lib/severity";
import { Progress, type ProgressState } from "../../primitives/Progress";
import { SeverityGlyph } from "../../primitives/SeverityGlyph";
import type { LiveAnalysis } from "../../store/selectors";
import { Trend } from "./Trend";

/** How far it is, or what came out, in one big number and two lines. */
export function RunSummary({ live, trend }: { live: LiveAnalysis; trend: number[] }) {
  const status = useConnectionStatus();
  const time = useNow(20_000);
  const { analysis } = live;
  usePainted(live.running ? live.measuredAt : undefined);
  const done = analysis.state === "complete";
  return (
    <section className="run" aria-label={`Analysis ${analysis.number}`}>
      <div className="run-top">
        {done ? <Total live={live} /> : <Share live={live} status={status} time={time} />}
        <Sums live={live} />
      </div>
      {done ? <Trend runs={trend} /> : <Bar live={live} stale={status.stale} />}
      <div className="run-sub">
        <span className="trunc">{caption(analysis, time)}</span>
        <span className="grow" />
        <span className="num run-end">{done ? trendText(trend) : detectorText(live, status.stale)}</span>
      </div>
    </section>
  );
}

function Total({ live }: { live: LiveAnalysis }) {
  const found = total(live.counts);
  return (
    <>
      <span className="run-number">{found}</span>
      <span className="soft">{found === 1 ? "issue" : "issues"}</span>
    </>
  );
}

function Share({ live, status, time }: { live: LiveAnalysis; status: ConnectionStatus; time: number }) {
  const text = shareText(live, status, time);
  if (live.percent === undefined) return <span className="run-words">{text ?? "Working"}</span>;
  return (
    <>
      <span className="run-number">
        {Math.floor(live.percent)}
        <small>%</small>
      </span>
      {text !== undefined && <span className="soft">{text}</span>}
    </>
  );
}

/** What stands beside the share: of when it is, why it stands still, or how much longer it takes. */
function shareText({ analysis, left }: LiveAnalysis, status: ConnectionStatus, time: number): string | undefined {
  const ran = analysis.ended_at === undefined ? "" : ` after ${duration(analysis.ended_at - analysis.started_at)}`;
  switch (analysis.state) {
    case "failed":
      return `stopped${ran}`;
    case "cancelled":
      return `cancelled${ran}`;
    case "cancelling":
      return "stopping";
    case "complete":
      return undefined;
    case "running":
      if (status.offlineSince !== undefined)
        return `at ${when(status.offlineSince, time)}, when the connection was lost`;
      if (status.stale)
        return status.savedAt === undefined ? "as it was saved" : `as saved at ${when(status.savedAt, time)}`;
      return timeLeft(left);
  }
}

function Sums({ live }: { live: LiveAnalysis }) {
  return (
    <span className="sums" role="group" aria-label="Issues by severity">
      {SEVERITIES.map((severity) => {
        const count = live.counts[severity];
        return (
          <span key={severity} className={count > 0 ? `ink-${severity}` : "zero"}>
            <SeverityGlyph severity={severity} />
            {count}
          </span>
        );
      })}
    </span>
  );
}

function Bar({ live, stale }: { live: LiveAnalysis; stale: boolean }) {
  const { analysis } = live;
  const state: ProgressState =
    analysis.state === "failed" ? "failed" : stale || analysis.state !== "running" ? "stale" : "running";
  const share = live.percent === undefined ? "share not known" : percent(live.percent);
  return <Progress large state={state} value={live.percent} label={`Analysis ${analysis.number}, ${share}`} />;
}

function caption(analysis: Analysis, time: number): ReactNode {
  const { number, state, started_by, started_at, ended_at, runner } = analysis;
  if (state === "complete" && ended_at !== undefined) {
    return `Analysis ${number} finished at ${when(ended_at, time)} in ${duration(ended_at - started_at)}`;
  }
  const who = started_by.kind === "server" ? "" : ` by ${started_by.name}`;
  return `Analysis ${number}, started${who} at ${when(started_at, time)} on runner ${runner}`;
}

function detectorText({ analysis, done, of, detectors }: LiveAnalysis, stale: boolean): string {
  if (stale && analysis.state === "running") return "Time left is not known while offline";
  const failed = detectors.filter(({ state }) => state === "failed").map(({ name }) => name);
  const parts = [`${done} of ${plural(of, "detector")} done`];
  if (failed.length > 0) parts.push(`${failed.join(", ")} failed`);
  else if (analysis.state === "running" && analysis.usual_ms !== undefined) {
    parts.push(`usually takes ${duration(analysis.usual_ms)}`);
  } else if (analysis.state === "cancelled" && analysis.reason !== undefined) parts.push(analysis.reason);
  return parts.join(", ");
}

function trendText(trend: number[]): string | undefined {
  const [first] = trend;
  return trend.length < 2 || first === undefined
    ? undefined
    : `Last ${trend.length} runs, from ${first} to ${trend.at(-1) ?? first}`;
}
