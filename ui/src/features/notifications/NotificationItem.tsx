import type { NotificationRow } from "../../generated/NotificationRow";
import { clock, when } from "../../lib/format";
import { IconButton } from "../../primitives/Button";
import { Icon } from "../../primitives/Icon";
import { iconOf } from "./kinds";

interface NotificationItemProps {
  row: NotificationRow;
  time: number;
  tabStop: boolean;
  onFocus: () => void;
  onRead: () => void;
  onOpen: () => void;
}

export function NotificationItem({ row, time, tabStop, onFocus, onRead, onOpen }: NotificationItemProps) {
  const { notification, project_name, waiting } = row;
  const { title, body, at, read_at } = notification;
  const unread = read_at === undefined;
  const { icon, tone } = iconOf(notification);
  return (
    <article className={unread ? "notification unread" : "notification"} onFocus={onFocus}>
      <i className="unread-mark" />
      <span className={`notification-mark ${tone}`}>
        <Icon name={icon} />
      </span>
      <div className="notification-text">
        <div className="notification-line">
          {/* The button covers the whole row, so that a click anywhere opens it. */}
          <button type="button" className="notification-open trunc" tabIndex={tabStop ? 0 : -1} onClick={onOpen}>
            {unread && <span className="sr">Unread: </span>}
            {title}
          </button>
          <span className="notification-end">
            {project_name !== undefined && <span className="trunc">{project_name}</span>}
            <time dateTime={new Date(at).toISOString()} title={when(at, time)}>
              {clock(at)}
            </time>
          </span>
        </div>
        {body !== "" && <p>{body}</p>}
        {waiting && (
          <span className="notification-waiting">
            <Icon name="clock" small />
            {unread ? "Waiting to be sent" : "Marked read, waiting to be sent"}
          </span>
        )}
      </div>
      {unread && (
        <span className="notification-tools">
          <IconButton
            icon="check"
            size="small"
            label="Mark read"
            keys="U"
            tabIndex={tabStop ? 0 : -1}
            onClick={onRead}
          />
        </span>
      )}
    </article>
  );
}
