import { Fragment } from "react";
import type { Activity } from "../../generated/Activity";
import type { ProjectId } from "../../generated/ProjectId";
import { useActivity } from "../../hooks/useActivity";
import { useNow } from "../../hooks/useNow";
import { useSlow } from "../../hooks/useSlow";
import { clock, dayHead } from "../../lib/format";
import { IconButton } from "../../primitives/Button";
import { Skeleton } from "../../primitives/Skeleton";
import { ActivityItem } from "./ActivityItem";
import "./activity.css";

interface ActivityRailProps {
  project: ProjectId;
  /** It lies over the main area, because the window is too narrow for a column of its own. */
  overlay: boolean;
  /** Whether the first pull is still under way. */
  pending: boolean;
  onHide: () => void;
}

export function ActivityRail({ project, overlay, pending, onHide }: ActivityRailProps) {
  const activity = useActivity(project);
  const time = useNow(60_000);
  return (
    <aside
      className={overlay ? "rail overlay" : "rail"}
      aria-label="Activity"
      data-region
      tabIndex={-1}
      onKeyDown={(event) => {
        if (overlay && event.key === "Escape") onHide();
      }}
    >
      <div className="list-head">
        <h2>Activity</h2>
        <span className="grow" />
        <IconButton icon="sidebar" size="small" label="Hide activity" aria-expanded onClick={onHide} />
      </div>
      {activity === undefined && pending ? <Waiting /> : <Feed entries={activity ?? []} time={time} />}
    </aside>
  );
}

function Feed({ entries, time }: { entries: Activity[]; time: number }) {
  if (entries.length === 0)
    return <p className="rail-note">Analyses and what producers post appear here as they happen.</p>;
  return (
    <div className="feed" tabIndex={0} role="region" aria-label="What happened">
      {days(entries, time).map(([head, of]) => (
        <Fragment key={head}>
          <h3 className="day">{head}</h3>
          <ol>
            {of.map((entry) => (
              <li key={entry.id} className="activity">
                <ActivityItem entry={entry} />
                <time dateTime={new Date(entry.at).toISOString()}>{clock(entry.at)}</time>
              </li>
            ))}
          </ol>
        </Fragment>
      ))}
    </div>
  );
}

/** Entries under the heads of their days, both newest first. */
function days(entries: Activity[], time: number): [head: string, entries: Activity[]][] {
  const by = new Map<string, Activity[]>();
  for (const entry of entries) {
    const head = dayHead(entry.at, time);
    by.set(head, [...(by.get(head) ?? []), entry]);
  }
  return [...by];
}

const WIDTHS = [150, 132, 120, 158, 96, 140, 128, 146, 110];

function Waiting() {
  const slow = useSlow();
  if (!slow) return null;
  return (
    <ol aria-hidden="true" className="feed-waiting">
      {WIDTHS.map((width, n) => (
        <li key={n} className="activity">
          <Skeleton width={18} height={18} round />
          <Skeleton width={width} />
          <Skeleton width={26} />
        </li>
      ))}
    </ol>
  );
}
