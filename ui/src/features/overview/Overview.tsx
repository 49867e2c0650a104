/** What the main area shows of a project: its latest analysis, or why there is none. */
import { useState } from "react";
import type { ProjectId } from "../../generated/ProjectId";
import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import type { ProjectPull } from "../../hooks/useProject";
import { useRealTimeAnalysis } from "../../hooks/useRealTimeAnalysis";
import { Button, IconButton } from "../../primitives/Button";
import { EmptyState } from "../../primitives/EmptyState";
import { ErrorBoundary } from "../../primitives/ErrorBoundary";
import { IssueList } from "../issues/IssueList";
import { Announcer } from "./Announcer";
import { DetectorTable } from "./DetectorTable";
import { Loading } from "./Loading";
import { RunSummary } from "./RunSummary";
import { EndedBanner } from "./EndedBanner";

interface OverviewProps {
  project: ProjectId;
  name: string;
  pull: ProjectPull;
}

export function Overview({ project, name, pull }: OverviewProps) {
  const { live, trend } = useRealTimeAnalysis(project);
  const { stale } = useConnectionStatus();
  const { view, error, retry } = pull;
  if (live) {
    return (
      <>
        <EndedBanner live={live} />
        <RunSummary live={live} trend={trend} />
        <DetectorTable live={live} />
        <ErrorBoundary region="The issues">
          <IssueList live={live} />
        </ErrorBoundary>
        <Announcer live={live} />
      </>
    );
  }
  if (!view && error) {
    return (
      <EmptyState title={`${name} could not be shown`} text={error.message}>
        <Button onClick={retry}>Retry</Button>
      </EmptyState>
    );
  }
  if (view?.known === true) return <NoAnalysis name={name} />;
  if (view && stale) {
    return (
      <EmptyState
        title="Nothing saved yet"
        text={`${name} has not been loaded on this computer. It appears as soon as there is a connection.`}
      />
    );
  }
  return <Loading />;
}

function NoAnalysis({ name }: { name: string }) {
  const command = `watchbell analyze --project ${name}`;
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
  };
  return (
    <EmptyState
      title="No analysis yet"
      text="Start the first one in the folder to analyse, on any computer or in your build. It appears here as it runs."
    >
      <span className="command">
        <code>{command}</code>
        <IconButton
          icon={copied ? "check" : "copy"}
          size="small"
          label={copied ? "Copied" : "Copy"}
          onClick={() => {
            // Without the right to the clipboard the text can still be selected.
            copy().catch(() => undefined);
          }}
        />
      </span>
    </EmptyState>
  );
}
