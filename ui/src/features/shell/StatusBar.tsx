import { useAppState } from "../../hooks/context";
import { useApp } from "../../hooks/context";
import { useConnectionStatus, type ConnectionStatus } from "../../hooks/useConnectionStatus";
import { useSocket } from "../../hooks/useSocket";
import { now } from "../../lib/clock";
import { plural, when } from "../../lib/format";
import { Icon } from "../../primitives/Icon";
import { Menu, MenuItem, MenuLine, MenuNote } from "../../primitives/Menu";
import { useShell } from "./context";

export function StatusBar() {
  const status = useConnectionStatus();
  return (
    <footer className="status" data-region tabIndex={-1} aria-label="Status">
      <ConnectionMenu status={status} />
      {status.detail !== undefined && <span className="faint">{status.detail}</span>}
      <span className="grow" />
      <Runner />
      {status.waiting > 0 && <span>{plural(status.waiting, "action")} waiting</span>}
      {status.stale && <span>{savedAt(status)}</span>}
      {!status.stale && <PopupMenu />}
    </footer>
  );
}

function savedAt({ savedAt }: ConnectionStatus): string {
  return savedAt === undefined ? "Nothing saved yet" : `Saved at ${when(savedAt, now())}`;
}

function ConnectionMenu({ status }: { status: ConnectionStatus }) {
  const { connect, disconnect, retryNow } = useSocket();
  const { attempt } = useShell();
  const trigger = (
    <button type="button" className="status-button">
      <ConnectionMark kind={status.kind} />
      {status.label}
    </button>
  );
  return (
    <Menu trigger={trigger}>
      <MenuNote>
        {[status.label, status.detail].filter(Boolean).join(", ")}
        {status.reason !== undefined && <span>{status.reason}</span>}
        {status.savedAt !== undefined && <span>{savedAt(status)}</span>}
      </MenuNote>
      <MenuLine />
      {status.kind === "offline" && (
        <MenuItem
          onSelect={() => {
            attempt("Could not connect", retryNow);
          }}
        >
          Retry now
        </MenuItem>
      )}
      {status.kind === "disconnected" ? (
        <MenuItem
          onSelect={() => {
            attempt("Could not connect", connect);
          }}
        >
          Connect
        </MenuItem>
      ) : (
        <MenuItem
          onSelect={() => {
            attempt("Could not disconnect", disconnect);
          }}
        >
          Disconnect
        </MenuItem>
      )}
    </Menu>
  );
}

/** Disc, half disc, ring: connected, on the way, not connected. */
function ConnectionMark({ kind }: { kind: ConnectionStatus["kind"] }) {
  const shape = kind === "live" ? "on" : kind === "connecting" || kind === "catching_up" ? "half" : "off";
  return (
    <svg className={`connection-mark ${shape}`} viewBox="0 0 8 8" aria-hidden="true">
      {shape === "on" && <circle cx="4" cy="4" r="3.5" />}
      {shape !== "on" && <circle className="ring" cx="4" cy="4" r="2.9" strokeWidth={shape === "half" ? 1.2 : 1.4} />}
      {shape === "half" && <path d="M4 .5a3.5 3.5 0 0 0 0 7z" />}
    </svg>
  );
}

/** The machine that runs the analysis on the screen. */
function Runner() {
  const { project } = useShell();
  const analysis = useAppState((state) => (project === undefined ? undefined : state.views[project]?.analysis));
  const { stale } = useConnectionStatus();
  if (stale || analysis?.state !== "running") return null;
  return <span className="wide-only-status">Runner {analysis.runner}, 1 analysis</span>;
}

function PopupMenu() {
  const { platform } = useApp();
  const popups = useAppState((state) => state.popups);
  const { attempt, notify } = useShell();
  const test = () => {
    attempt("The test popup failed", async () => {
      notify({ title: "Test popup", text: await platform.testPopup(), bad: false });
    });
  };
  const words = { on: "Popups on", off: "Popups off", unknown: "Popups not tried yet" }[popups.kind];
  const trigger = (
    <button type="button" className="status-button">
      <Icon name={popups.kind === "off" ? "bell-off" : "bell"} small />
      {words}
    </button>
  );
  return (
    <Menu align="end" trigger={trigger}>
      <MenuNote>
        {words}
        {popups.kind === "on" && <span>Shown by {popups.service}</span>}
        {popups.kind === "off" && <span>{popups.reason}</span>}
      </MenuNote>
      <MenuLine />
      <MenuItem icon="bell" onSelect={test}>
        Test popup
      </MenuItem>
    </Menu>
  );
}
