import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import { percent, tableDuration } from "../../lib/format";
import { SEVERITIES } from "../../lib/severity";
import { Progress, type ProgressState } from "../../primitives/Progress";
import { Ring } from "../../primitives/Ring";
import { SeverityGlyph } from "../../primitives/SeverityGlyph";
import { StateGlyph } from "../../primitives/StateGlyph";
import type { DetectorRow, LiveAnalysis } from "../../store/selectors";

/** Each detector with its share, what it found and how long it takes. The order never changes during a run. */
export function DetectorTable({ live }: { live: LiveAnalysis }) {
  const { stale } = useConnectionStatus();
  return (
    <div className="detectors" role="table" aria-label="Detectors">
      <div className="detector head-row" role="row">
        <span role="presentation" />
        <span role="columnheader">Detector</span>
        <span role="columnheader">
          <span className="sr">Progress</span>
        </span>
        <span role="columnheader">
          <span className="sr">State</span>
        </span>
        {SEVERITIES.map((severity) => (
          <span key={severity} role="columnheader" className="count-cell" title={severity}>
            <SeverityGlyph severity={severity} />
          </span>
        ))}
        <span role="columnheader" className="time-cell">
          Time / usual
        </span>
      </div>
      {live.detectors.map((detector) => (
        <Row key={detector.name} detector={detector} running={live.running} stale={stale} />
      ))}
    </div>
  );
}

interface RowProps {
  detector: DetectorRow;
  /** Whether the analysis runs: what has not begun is then waiting, otherwise it never started. */
  running: boolean;
  stale: boolean;
}

function Row({ detector, running, stale }: RowProps) {
  const { name, version, state } = detector;
  const began = state !== "waiting" && state !== "skipped";
  const words = stateText(detector, running, stale);
  const tone = state === "running" || state === "failed" ? "" : state === "complete" ? "quiet" : "idle";
  return (
    <div className={`detector ${tone}`} role="row">
      <span role="presentation">
        <DetectorGlyph detector={detector} stale={stale} />
      </span>
      <span role="rowheader" className="name trunc" title={version === undefined ? name : `${name} ${version}`}>
        {name}
      </span>
      <span role="cell">
        {state !== "skipped" && <Bar detector={detector} words={words} stale={stale && running} />}
      </span>
      <span role="cell" className={`state trunc state-of-${state}`} title={words}>
        {words}
      </span>
      {SEVERITIES.map((severity) => (
        <Count key={severity} severity={severity} count={began ? detector.counts[severity] : undefined} />
      ))}
      <span role="cell" className="time-cell">
        <Time detector={detector} running={running} />
      </span>
    </div>
  );
}

function Count({ severity, count }: { severity: (typeof SEVERITIES)[number]; count: number | undefined }) {
  if (count === undefined) return <span role="cell" />;
  if (count > 0)
    return (
      <span role="cell" className={`count-cell ink-${severity}`}>
        {count}
      </span>
    );
  return (
    <span role="cell" className="count-cell zero">
      <span aria-hidden="true">·</span>
      <span className="sr">0</span>
    </span>
  );
}

function DetectorGlyph({ detector, stale }: { detector: DetectorRow; stale: boolean }) {
  switch (detector.state) {
    case "running":
      return <Ring percent={detector.percent} stale={stale} />;
    case "waiting":
      return <StateGlyph shape="waiting" />;
    case "complete":
      return <StateGlyph shape="done" />;
    case "skipped":
      return <StateGlyph shape="skipped" />;
    case "failed":
      return <StateGlyph shape="failed" />;
    case "cancelled":
      return <StateGlyph shape="stopped" />;
  }
}

function Bar({ detector, words, stale }: { detector: DetectorRow; words: string; stale: boolean }) {
  const [state, value] = barOf(detector, stale);
  return <Progress state={state} value={value} label={`${detector.name}, ${words}`} />;
}

function barOf({ state, percent }: DetectorRow, stale: boolean): [ProgressState, number | undefined] {
  switch (state) {
    case "running":
      return stale ? ["stale", percent ?? 0] : ["running", percent];
    case "complete":
      return ["done", 100];
    case "failed":
      return ["failed", percent ?? 100];
    case "cancelled":
      return ["stale", percent ?? 0];
    case "waiting":
    case "skipped":
      return ["running", 0];
  }
}

function stateText({ state, percent: share, reason }: DetectorRow, running: boolean, stale: boolean): string {
  switch (state) {
    case "running":
      if (share !== undefined) return percent(Math.min(share, 99.9));
      return stale ? "Not known" : "Working";
    case "waiting":
      return running ? "Waiting" : "Not started";
    case "complete":
      return "Done";
    case "skipped":
      return reason === undefined ? "Skipped" : `Skipped: ${reason}`;
    case "failed":
      return reason === undefined ? "Failed" : reason.charAt(0).toUpperCase() + reason.slice(1);
    case "cancelled":
      return "Stopped";
  }
}

/** "1:48 / 2:32" while it runs, "– / 0:08" before, "0:09" after. */
function Time({ detector: { state, ms, usualMs }, running }: { detector: DetectorRow; running: boolean }) {
  if (state === "skipped") return null;
  const usual = running && usualMs !== undefined && (state === "running" || state === "waiting");
  if (state === "waiting") return usual ? <span className="usual">– / {tableDuration(usualMs)}</span> : null;
  return (
    <>
      {tableDuration(ms)}
      {usual && <span className="usual"> / {tableDuration(usualMs)}</span>}
    </>
  );
}
