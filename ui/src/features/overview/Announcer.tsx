/** The one polite live region: at most a sentence every 10 s about progress and new issues, and the end at once. */
import { useEffect, useRef, useState } from "react";
import { now } from "../../lib/clock";
import { percent, plural, timeLeft } from "../../lib/format";
import { total } from "../../lib/severity";
import type { LiveAnalysis } from "../../store/selectors";

const EVERY_MS = 10_000;

export function Announcer({ live }: { live: LiveAnalysis }) {
  const [said, setSaid] = useState("");
  const last = useRef({ at: 0, issues: total(live.counts), state: live.analysis.state, id: live.analysis.id });
  useEffect(() => {
    const { analysis, counts } = live;
    const ended = analysis.state !== last.current.state || analysis.id !== last.current.id;
    const time = now();
    if (!ended && time - last.current.at < EVERY_MS) return;
    const issues = total(counts);
    const text = ended ? ending(live) : running(live, issues - last.current.issues);
    last.current = { at: time, issues, state: analysis.state, id: analysis.id };
    if (text !== undefined) setSaid(text);
  }, [live]);
  return (
    <p className="sr" role="status" aria-live="polite">
      {said}
    </p>
  );
}

function running({ running, percent: share, left }: LiveAnalysis, more: number): string | undefined {
  if (!running || share === undefined) return undefined;
  const parts = [percent(share), timeLeft(left), more > 0 ? plural(more, "new issue") : undefined];
  return parts.filter((part) => part !== undefined).join(", ");
}

function ending({ analysis, counts }: LiveAnalysis): string {
  switch (analysis.state) {
    case "complete":
      return `Analysis ${analysis.number} finished, ${plural(total(counts), "issue")}`;
    case "cancelled":
      return `Analysis ${analysis.number} was cancelled`;
    case "cancelling":
      return `Analysis ${analysis.number} is stopping`;
    case "failed":
      return `Analysis ${analysis.number} failed`;
    case "running":
      return `Analysis ${analysis.number} started`;
  }
}
