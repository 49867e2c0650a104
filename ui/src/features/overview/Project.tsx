/** A project: its head, its overview, its activity. */
import { useEffect, useState, type RefObject } from "react";
import type { ProjectId } from "../../generated/ProjectId";
import { useAppState } from "../../hooks/context";
import { useProject } from "../../hooks/useProject";
import { IconButton } from "../../primitives/Button";
import { ErrorBoundary } from "../../primitives/ErrorBoundary";
import { ActivityRail } from "../activity/ActivityRail";
import { useMedia, WIDE } from "../shell/useMedia";
import { Header } from "./Header";
import { Overview } from "./Overview";
import "./overview.css";

interface ProjectProps {
  project: ProjectId;
  bell: RefObject<HTMLButtonElement | null>;
}

export function Project({ project, bell }: ProjectProps) {
  const pull = useProject(project);
  const row = useAppState((state) => state.projects.find(({ id }) => id === project));
  const name = row?.name ?? "";
  const rail = useRail();
  useEffect(() => {
    document.title = `${name} · Watchbell`;
  }, [name]);
  return (
    <>
      <Header project={project} name={name} bell={bell} />
      <nav className="tabs" aria-label="Project views">
        <span className="tab" aria-current="page">
          Overview
        </span>
        <span className="tabs-end">
          {!rail.shown && (
            <IconButton icon="sidebar" size="small" label="Show activity" aria-expanded={false} onClick={rail.show} />
          )}
        </span>
      </nav>
      <div className="body">
        <main className="content" aria-label={`${name}, overview`} data-region tabIndex={-1}>
          <ErrorBoundary region="The overview">
            <Overview project={project} name={name} pull={pull} />
          </ErrorBoundary>
        </main>
        {rail.shown && (
          <ErrorBoundary region="Activity">
            <ActivityRail
              project={project}
              overlay={rail.overlay}
              pending={pull.view === undefined}
              onHide={rail.hide}
            />
          </ErrorBoundary>
        )}
      </div>
    </>
  );
}

/** In a wide window the rail is a column that can be hidden; in a narrower one it lies over the main area when asked for. */
function useRail() {
  const wide = useMedia(WIDE);
  const [hidden, setHidden] = useState(false);
  const [over, setOver] = useState(false);
  const set = (shown: boolean) => {
    if (wide) setHidden(!shown);
    else setOver(shown);
  };
  return {
    shown: wide ? !hidden : over,
    overlay: !wide,
    show: () => {
      set(true);
    },
    hide: () => {
      set(false);
    },
  };
}
