import type { ReactNode } from "react";
import type { Activity } from "../../generated/Activity";
import type { ActivityKind } from "../../generated/ActivityKind";
import type { Counts } from "../../generated/Counts";
import type { Origin } from "../../generated/Origin";
import { plural } from "../../lib/format";
import { total } from "../../lib/severity";
import { Avatar } from "../../primitives/Avatar";
import { Icon } from "../../primitives/Icon";

/** What happened in one sentence, with the words of its author below. */
export function ActivityItem({ entry: { by, what } }: { entry: Activity }) {
  return (
    <>
      <span className="activity-mark">{mark(by, what)}</span>
      <p>{sentence(by, what)}</p>
      {what.kind === "posted" && what.body !== undefined && <span className="activity-body trunc">{what.body}</span>}
    </>
  );
}

function mark(by: Origin, what: ActivityKind): ReactNode {
  if (what.kind === "analysis_ended") {
    return what.state === "failed" ? (
      <span className="tone-error">
        <Icon name="warn" small />
      </span>
    ) : (
      <Icon name={what.state === "cancelled" ? "stop" : "pulse"} small />
    );
  }
  if (by.kind === "user") return <Avatar id={by.id} name={by.name} size="small" />;
  return <Icon name="pulse" small />;
}

function sentence(by: Origin, what: ActivityKind): ReactNode {
  const who = <b>{by.kind === "server" ? "Watchbell" : by.name}</b>;
  switch (what.kind) {
    case "project_added":
      return <>{who} added the project</>;
    case "member_added":
      return (
        <>
          <b>{what.name}</b> joined the project
        </>
      );
    case "member_removed":
      return (
        <>
          <b>{what.name}</b> left the project
        </>
      );
    case "analysis_started":
      return (
        <>
          {who} started analysis {what.number}
        </>
      );
    case "analysis_ended":
      return (
        <>
          <b>Analysis {what.number}</b> {ending(what.state, what.counts)}
        </>
      );
    case "posted":
      return by.kind === "user" ? (
        <>
          {who}: {what.title}
        </>
      ) : (
        <b className="posted">{what.title}</b>
      );
  }
}

function ending(state: Extract<ActivityKind, { kind: "analysis_ended" }>["state"], counts: Counts): string {
  switch (state) {
    case "complete":
      return `finished: ${found(counts)}`;
    case "cancelled":
      return "was cancelled";
    case "failed":
      return "failed";
    case "running":
    case "cancelling":
      return "is running";
  }
}

/** "2 critical, 4 high, 74 issues in all". */
function found(counts: Counts): string {
  const all = total(counts);
  if (all === 0) return "no issues";
  const grave = [counts.critical > 0 && `${counts.critical} critical`, counts.high > 0 && `${counts.high} high`].filter(
    (part) => part !== false,
  );
  return grave.length > 0 ? [...grave, `${plural(all, "issue")} in all`].join(", ") : plural(all, "issue");
}
