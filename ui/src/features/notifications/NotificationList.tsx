import { useCallback, useEffect, useRef, type KeyboardEvent } from "react";
import type { NotificationRow } from "../../generated/NotificationRow";
import { useApp, useAppState } from "../../hooks/context";
import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import type { Notifications } from "../../hooks/useNotifications";
import { useNow } from "../../hooks/useNow";
import { useSlow } from "../../hooks/useSlow";
import { useRoving } from "../../hooks/useRoving";
import { dayHead } from "../../lib/format";
import { Button } from "../../primitives/Button";
import { VirtualList, type VirtualListHandle } from "../../primitives/VirtualList";
import { useShell } from "../shell/context";
import { NotificationItem } from "./NotificationItem";

const ROW = 55;
/** Pages are pulled this many rows before the end is reached. */
const AHEAD = 10;

interface NotificationListProps {
  notifications: Notifications;
  onlyUnread: boolean;
}

export function NotificationList({ notifications, onlyUnread }: NotificationListProps) {
  const { rows, error } = notifications;
  const slow = useSlow();
  const { stale, savedAt } = useConnectionStatus();
  if (rows && rows.length > 0) return <Rows rows={rows} notifications={notifications} />;
  if (error) {
    return (
      <div className="panel-note" role="alert">
        <p>The notifications could not be loaded. {error.message}</p>
      </div>
    );
  }
  if (!rows) return <div className="panel-note">{slow && <p role="status">Loading</p>}</div>;
  // "Nothing here" only when it is known.
  const known = !stale || savedAt !== undefined;
  const text = !known ? "Nothing saved yet" : onlyUnread ? "Everything is read" : "Nothing to hear about yet";
  return (
    <div className="panel-note">
      <p>{text}</p>
    </div>
  );
}

function Rows({ rows, notifications }: { rows: NotificationRow[]; notifications: Notifications }) {
  const { more, loadMore, markRead, error } = notifications;
  const { attempt } = useShell();
  const follow = useFollow();
  const list = useRef<VirtualListHandle>(null);
  const time = useNow(60_000);
  const focus = useCallback((index: number) => {
    list.current?.focus(index, ".notification-open");
  }, []);
  const { active, setActive, onKeyDown } = useRoving(rows.length, focus);
  useEffect(() => {
    // The panel took the focus when it opened; from here J and K move.
    if (document.activeElement?.classList.contains("panel")) focus(0);
  }, [focus]);
  const read = ({ notification }: NotificationRow) => {
    if (notification.read_at === undefined) attempt("Could not be marked as read", () => markRead([notification.id]));
  };
  const keys = (event: KeyboardEvent) => {
    const row = rows[active];
    if (event.key === "u" && row && !event.ctrlKey && !event.metaKey) read(row);
    else onKeyDown(event);
  };
  const range = useCallback(
    (_: number, last: number) => {
      if (last >= rows.length - AHEAD) loadMore();
    },
    [rows.length, loadMore],
  );
  return (
    <VirtualList
      className="notifications"
      count={rows.length}
      rowHeight={ROW}
      keyOf={(index) => rows[index]?.notification.id ?? String(index)}
      scroller={{ role: "list", "aria-label": "Notifications", onKeyDown: keys }}
      onRange={range}
      handle={list}
    >
      {(place) => {
        const row = rows[place.index];
        if (!row) return null;
        const head = dayHead(row.notification.at, time);
        const above = rows[place.index - 1];
        return (
          <div
            key={row.notification.id}
            ref={place.measure}
            style={place.style}
            data-index={place.index}
            role="listitem"
            aria-posinset={place.index + 1}
            aria-setsize={more ? -1 : rows.length}
          >
            {(!above || dayHead(above.notification.at, time) !== head) && <h3 className="day">{head}</h3>}
            <NotificationItem
              row={row}
              time={time}
              tabStop={place.index === active}
              onFocus={() => {
                setActive(place.index);
              }}
              onRead={() => {
                read(row);
              }}
              onOpen={() => {
                read(row);
                follow(row);
              }}
            />
            {error && place.index === rows.length - 1 && (
              <p className="panel-more" role="alert">
                {error.message}{" "}
                <Button size="small" kind="quiet" onClick={loadMore}>
                  Retry
                </Button>
              </p>
            )}
          </div>
        );
      }}
    </VirtualList>
  );
}

/** Where a click leads: to the project, or to a page. */
function useFollow(): (row: NotificationRow) => void {
  const { platform } = useApp();
  const projects = useAppState((state) => state.projects);
  const { openProject, setPanelOpen, attempt } = useShell();
  return ({ notification: { link, project } }) => {
    if (link?.kind === "url") {
      attempt("The page could not be opened", () => platform.openUrl(link.url));
    } else if (link && project !== undefined && projects.some(({ id }) => id === project)) {
      openProject(project);
      setPanelOpen(false);
    }
  };
}
