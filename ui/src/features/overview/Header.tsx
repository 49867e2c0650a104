import type { RefObject } from "react";
import type { ProjectId } from "../../generated/ProjectId";
import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import { useRealTimeAnalysis } from "../../hooks/useRealTimeAnalysis";
import { Button } from "../../primitives/Button";
import { Icon } from "../../primitives/Icon";
import { Bell } from "../notifications/Bell";
import { Viewers } from "../presence/Viewers";
import { useShell } from "../shell/context";

/** Letters of a revision that are shown; the whole of it is the tooltip. */
const SHORT = 7;

interface HeaderProps {
  project: ProjectId;
  name: string;
  bell: RefObject<HTMLButtonElement | null>;
}

/** Where one is, who else is, and how to stop what runs. */
export function Header({ project, name, bell }: HeaderProps) {
  const { live, cancel } = useRealTimeAnalysis(project);
  const { stale } = useConnectionStatus();
  const { attempt } = useShell();
  const analysis = live?.analysis;
  return (
    <header className="head">
      <h1 className="trunc">{name}</h1>
      {analysis?.branch !== undefined && (
        <span className="ref" title={`Branch ${analysis.branch}`}>
          <Icon name="branch" small />
          <span className="mono trunc">{analysis.branch}</span>
        </span>
      )}
      {analysis?.revision !== undefined && (
        <span className="ref" title={`Revision ${analysis.revision}`}>
          <Icon name="commit" small />
          <span className="mono">{analysis.revision.slice(0, SHORT)}</span>
        </span>
      )}
      <span className="grow" />
      <Viewers project={project} />
      {live?.running === true && (
        <Button
          icon="stop"
          busy={live.analysis.state === "cancelling"}
          disabled={stale}
          title="Ctrl ."
          aria-keyshortcuts="Control+."
          onClick={() => {
            attempt("The analysis could not be cancelled", cancel);
          }}
        >
          {live.analysis.state === "cancelling" ? "Cancelling" : "Cancel analysis"}
        </Button>
      )}
      <Bell bell={bell} />
    </header>
  );
}
