import type { Connection } from "../generated/Connection";
import type { ConnectionState } from "../generated/ConnectionState";
import { nextTry, when } from "../lib/format";
import { isStale, offlineSince } from "../store/selectors";
import { useAppState } from "./context";
import { useNow } from "./useNow";

export interface ConnectionStatus {
  kind: ConnectionState["kind"] | "none";
  /** "Live", "Catching up, 1 of 3 projects", "Offline since 14:02". */
  label: string;
  /** "14 ms", "14 ms, by long-poll", "Next try in 8 s"; absent when there is nothing to add. */
  detail: string | undefined;
  /** Whether what is shown may be old. */
  stale: boolean;
  /** Since when there has been no connection; absent when there is one, or never was. */
  offlineSince: number | undefined;
  /** Why the last attempt failed, the server closed for good, or a sign-in is needed. */
  reason: string | undefined;
  /** Actions waiting to be sent. */
  waiting: number;
  /** When the cache last was in step with the server. */
  savedAt: number | undefined;
}

/** The connection in words, its countdown ticking. */
export function useConnectionStatus(): ConnectionStatus {
  const connection = useAppState((state) => state.connection);
  const state = connection?.state;
  // Only a countdown needs every second; the rest turns with the day.
  const time = useNow(state?.kind === "offline" ? 1000 : 60_000);
  return {
    kind: state?.kind ?? "none",
    label: label(state, time),
    detail: detail(connection, time),
    stale: isStale(state),
    offlineSince: offlineSince(state),
    reason: state && "reason" in state ? state.reason : undefined,
    waiting: connection?.waiting ?? 0,
    savedAt: connection?.saved_at,
  };
}

function label(state: ConnectionState | undefined, time: number): string {
  switch (state?.kind) {
    case undefined:
      return "Not connected";
    case "live":
      return "Live";
    case "connecting":
      return "Connecting";
    case "catching_up":
      return `Catching up, ${state.done} of ${state.of}`;
    case "offline":
      return `Offline since ${when(state.since, time)}`;
    case "disconnected":
      return state.reason === undefined ? "Disconnected by you" : "Disconnected by the server";
    case "sign_in_needed":
      return "Signed out by the server";
  }
}

function detail(connection: Connection | undefined, time: number): string | undefined {
  if (connection?.state.kind === "offline") return nextTry(connection.state.next_try_at, time);
  if (connection?.state.kind !== "live") return undefined;
  const latency = connection.latency_ms === undefined ? undefined : `${connection.latency_ms} ms`;
  const way = connection.transport === "long_poll" ? "by long-poll" : undefined;
  return [latency, way].filter(Boolean).join(", ") || undefined;
}
