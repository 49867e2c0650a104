/** The notification centre: everything that was worth a bell, read or not, also without a connection. */
import { useEffect, useRef, useState, type RefObject } from "react";
import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import { useNotifications, useUnread } from "../../hooks/useNotifications";
import { useShortcuts } from "../../hooks/useShortcuts";
import { now } from "../../lib/clock";
import { when } from "../../lib/format";
import { IconButton } from "../../primitives/Button";
import { Confirm } from "../../primitives/Confirm";
import { Icon } from "../../primitives/Icon";
import { useShell } from "../shell/context";
import { NotificationList } from "./NotificationList";
import "./notifications.css";

interface NotificationPanelProps {
  bell: RefObject<HTMLButtonElement | null>;
  onClose: () => void;
}

export function NotificationPanel({ bell, onClose }: NotificationPanelProps) {
  const [onlyUnread, setOnlyUnread] = useState(false);
  const [asking, setAsking] = useState(false);
  const notifications = useNotifications(onlyUnread);
  const unread = useUnread();
  const { attempt } = useShell();
  const panel = useRef<HTMLElement>(null);
  useDismiss(panel, bell, onClose);
  const readAll = () => {
    if (unread > 0) attempt("Could not be marked as read", notifications.markAllRead);
  };
  useShortcuts({ "Shift A": readAll });
  return (
    <section ref={panel} className="panel" role="dialog" aria-label="Notifications" tabIndex={-1}>
      <div className="panel-head">
        <h2>Notifications</h2>
        <span className="grow" />
        <IconButton
          icon="checks"
          size="small"
          label="Mark all read"
          keys="Shift A"
          disabled={unread === 0}
          onClick={readAll}
        />
        <IconButton
          icon="trash"
          size="small"
          label="Clear all"
          disabled={notifications.rows === undefined || notifications.rows.length === 0}
          onClick={() => {
            setAsking(true);
          }}
        />
        <IconButton icon="x" size="small" label="Close" keys="Escape" onClick={onClose} />
      </div>
      <div className="filters" role="group" aria-label="Filter">
        <button
          type="button"
          className="chip"
          aria-pressed={!onlyUnread}
          onClick={() => {
            setOnlyUnread(false);
          }}
        >
          All
        </button>
        <button
          type="button"
          className="chip"
          aria-pressed={onlyUnread}
          onClick={() => {
            setOnlyUnread(true);
          }}
        >
          Unread {unread > 0 && <span className="chip-count">{unread}</span>}
        </button>
      </div>
      <NotificationList key={String(onlyUnread)} notifications={notifications} onlyUnread={onlyUnread} />
      <Freshness />
      {asking && (
        <Confirm
          title="Clear all notifications"
          text="They are removed on all your devices, read or not. This cannot be undone."
          action="Clear all"
          onConfirm={() => {
            attempt("Could not be cleared", notifications.clearAll);
          }}
          onClose={() => {
            setAsking(false);
          }}
        />
      )}
    </section>
  );
}

/** Without a connection: of when the list is, and how far back it goes. */
function Freshness() {
  const { stale, savedAt } = useConnectionStatus();
  if (!stale || savedAt === undefined) return null;
  return (
    <div className="freshness">
      <Icon name="history" />
      <span className="grow">
        <b>Saved at {when(savedAt, now())}</b>The last 30 days are on this computer.
      </span>
    </div>
  );
}

/** Takes the focus in; Esc and a press elsewhere close. */
function useDismiss(
  panel: RefObject<HTMLElement | null>,
  bell: RefObject<HTMLElement | null>,
  onClose: () => void,
): void {
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  });
  useEffect(() => {
    panel.current?.focus();
    const press = ({ target }: PointerEvent) => {
      if (!(target instanceof Node) || panel.current?.contains(target) || bell.current?.contains(target)) return;
      if (target instanceof Element && target.closest(".toasts, .tip, dialog")) return;
      close.current();
    };
    const key = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      close.current();
    };
    document.addEventListener("pointerdown", press);
    document.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("pointerdown", press);
      document.removeEventListener("keydown", key);
    };
  }, [panel, bell]);
}
