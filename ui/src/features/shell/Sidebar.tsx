import { useCallback, useMemo, useRef } from "react";
import type { ProjectRow } from "../../generated/ProjectRow";
import type { RunMark } from "../../generated/RunMark";
import { useAppState } from "../../hooks/context";
import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import { useRoving } from "../../hooks/useRoving";
import { useSession } from "../../hooks/useSession";
import { percent, shortAddress } from "../../lib/format";
import { Badge } from "../../primitives/Badge";
import { Logo } from "../../primitives/Icon";
import { Ring } from "../../primitives/Ring";
import { StateGlyph } from "../../primitives/StateGlyph";
import { isRunning, projectRows } from "../../store/selectors";
import { People } from "../presence/People";
import { useShell } from "./context";
import { OwnRow } from "./OwnRow";

export function Sidebar() {
  const { session } = useSession();
  const { project } = useShell();
  if (session.kind !== "signed_in") return null;
  return (
    <nav className="side" aria-label="Projects and people" data-region tabIndex={-1}>
      <div className="server" title={session.address}>
        <span className="mark">
          <Logo />
        </span>
        <span className="wide-only grow">
          <b className="trunc">{session.server}</b>
          <span className="trunc">{shortAddress(session.address)}</span>
        </span>
      </div>
      <div className="side-scroll">
        <Projects />
        <People project={project} />
      </div>
      <OwnRow />
    </nav>
  );
}

function Projects() {
  const listed = useAppState((state) => state.projects);
  const views = useAppState((state) => state.views);
  const projects = useMemo(() => projectRows(listed, views), [listed, views]);
  const { stale } = useConnectionStatus();
  const { project, openProject } = useShell();
  const list = useRef<HTMLUListElement>(null);
  const focus = useCallback((index: number) => {
    list.current?.querySelectorAll("button")[index]?.focus();
  }, []);
  const { active, setActive, onKeyDown } = useRoving(projects.length, focus);
  return (
    <>
      <h2 className="wide-only">Projects</h2>
      <ul className="projects" ref={list} onKeyDown={onKeyDown}>
        {projects.map((row, index) => (
          <li key={row.id}>
            <button
              type="button"
              className={row.unread > 0 ? "project-row unread" : "project-row"}
              aria-current={row.id === project ? "page" : undefined}
              title={row.name}
              tabIndex={index === active ? 0 : -1}
              onClick={() => {
                setActive(index);
                openProject(row.id);
              }}
            >
              <span className="monogram" aria-hidden="true">
                {row.name[0]?.toUpperCase()}
              </span>
              <span className={row.run ? "run-mark" : "run-mark idle"}>
                <RunGlyph run={row.run} stale={stale} />
              </span>
              <span className="wide-text grow trunc">{row.name}</span>
              <span className="sr">{runText(row.run)}</span>
              <RowEnd row={row} />
              {row.unread > 0 && <i className="unread-dot" />}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Unread weighs more than the share. */
function RowEnd({ row: { run, unread } }: { row: ProjectRow }) {
  if (unread > 0) {
    return (
      <>
        <Badge className="wide-only" count={unread} />
        <span className="sr">, {unread} unread</span>
      </>
    );
  }
  if (run?.percent === undefined || !isRunning(run)) return null;
  return <span className="wide-text share num">{percent(run.percent)}</span>;
}

function RunGlyph({ run, stale }: { run: RunMark | undefined; stale: boolean }) {
  switch (run?.state) {
    case undefined:
      return <StateGlyph shape="idle" />;
    case "running":
    case "cancelling":
      return <Ring percent={run.percent} stale={stale} />;
    case "complete":
      return <StateGlyph shape="done" />;
    case "cancelled":
      return <StateGlyph shape="stopped" />;
    case "failed":
      return <StateGlyph shape="trouble" />;
  }
}

/** The run in words, where the mark shows it as a shape. */
function runText(run: RunMark | undefined): string {
  if (!run) return "";
  return isRunning(run) ? ", analysis running" : `, last analysis ${run.state}`;
}
