/** One thing that affects the whole window: there is no connection. */
import { useConnectionStatus, type ConnectionStatus } from "../../hooks/useConnectionStatus";
import { useSocket } from "../../hooks/useSocket";
import { plural, when } from "../../lib/format";
import { now } from "../../lib/clock";
import { Button } from "../../primitives/Button";
import { Icon } from "../../primitives/Icon";
import { useShell } from "./context";

export function ConnectionBanner() {
  const status = useConnectionStatus();
  const { connect, retryNow } = useSocket();
  const { attempt } = useShell();
  const said = headline(status);
  if (said === undefined) return null;
  const waiting = status.waiting > 0 ? `; ${plural(status.waiting, "action")} waiting` : "";
  return (
    <section className="banner" aria-label="Connection" title={status.reason}>
      <Icon name="offline" />
      <span className="grow trunc" role="alert">
        <b>{said}</b> — showing what was saved{waiting}
      </span>
      {status.kind === "offline" && <span className="soft num">{status.detail}</span>}
      {status.kind === "connecting" && <span className="soft">Connecting</span>}
      {status.kind === "offline" && (
        <Button
          kind="line"
          size="small"
          onClick={() => {
            attempt("Could not connect", retryNow);
          }}
        >
          Retry now
        </Button>
      )}
      {status.kind === "disconnected" && (
        <Button
          kind="line"
          size="small"
          onClick={() => {
            attempt("Could not connect", connect);
          }}
        >
          Connect
        </Button>
      )}
    </section>
  );
}

/** Stays the same while an attempt is under way, so that the banner does not flicker at every try. */
function headline({ kind, label, offlineSince }: ConnectionStatus): string | undefined {
  switch (kind) {
    case "offline":
    case "disconnected":
    case "sign_in_needed":
      return label;
    case "connecting":
      return offlineSince === undefined ? undefined : `Offline since ${when(offlineSince, now())}`;
    default:
      return undefined;
  }
}
