import { useCallback, useEffect, useRef, useState } from "react";
import type { AppError } from "../generated/AppError";
import type { NotificationId } from "../generated/NotificationId";
import type { NotificationPage } from "../generated/NotificationPage";
import type { NotificationRow } from "../generated/NotificationRow";
import { asAppError } from "../lib/error";
import type { Platform } from "../platform/types";
import { useApp, useAppState } from "./context";

export interface Notifications {
  /** Newest first; absent until the first page came. */
  rows: NotificationRow[] | undefined;
  /** Whether there are older ones than `rows`. */
  more: boolean;
  error: AppError | undefined;
  /** Pulls the next page; nothing while one is under way. */
  loadMore: () => void;
  /** Marks as read. Shown at once by the Rust side, and sent when there is a connection. */
  markRead: (ids: NotificationId[]) => Promise<void>;
  /** Marks everything read, up to what is known now. */
  markAllRead: () => Promise<void>;
  /** Clears everything, up to what is known now. */
  clearAll: () => Promise<void>;
}

interface List {
  rows: NotificationRow[];
  more: boolean;
  newest: number;
}

/** Unread in all: the bell's number. */
export function useUnread(): number {
  return useAppState((state) => state.unread);
}

/** The list of notifications, pulled page by page, and pulled again as far as it is shown when it changed. */
export function useNotifications(unread: boolean): Notifications {
  const { platform } = useApp();
  const revision = useAppState((state) => state.notificationList);
  const [list, setList] = useState<{ unread: boolean; value: List }>();
  const [error, setError] = useState<AppError>();
  const [wanted, setWanted] = useState(1);
  const pulling = useRef(false);

  useEffect(() => {
    let current = true;
    pulling.current = true;
    pull(platform, unread, wanted)
      .then(
        (value) => {
          if (!current) return;
          setList({ unread, value });
          setError(undefined);
        },
        (reason: unknown) => {
          if (current) setError(asAppError(reason));
        },
      )
      .finally(() => {
        if (current) pulling.current = false;
      });
    return () => {
      current = false;
    };
  }, [platform, unread, wanted, revision]);

  const shown = list?.unread === unread ? list.value : undefined;
  const newest = shown?.newest ?? 0;
  const more = shown?.more ?? false;
  const loadMore = useCallback(() => {
    if (more && !pulling.current) setWanted((pages) => pages + 1);
  }, [more]);
  return {
    rows: shown?.rows,
    more,
    error,
    loadMore,
    markRead: (ids) => platform.markRead(ids),
    markAllRead: () => platform.markAllRead(newest),
    clearAll: () => platform.clearAll(newest),
  };
}

/** The first pages, one after the other: each begins where the one before ended. */
async function pull(platform: Platform, unread: boolean, pages: number): Promise<List> {
  const list: List = { rows: [], more: true, newest: 0 };
  for (let page = 0; page < pages && list.more; page++) {
    const before = list.rows.at(-1)?.notification.seq;
    const next: NotificationPage = await platform.notifications({ unread, before });
    list.rows.push(...next.rows);
    list.more = next.more;
    list.newest = Math.max(list.newest, next.newest);
  }
  return list;
}
