/** The issues of the analysis, as they are found: filtered, searched, virtual, and still while somebody is in them. */
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import type { Issue } from "../../generated/Issue";
import type { IssueFilter } from "../../generated/IssueFilter";
import type { Severity } from "../../generated/Severity";
import { useApp } from "../../hooks/context";
import { useIssues } from "../../hooks/useIssues";
import { useRoving } from "../../hooks/useRoving";
import { useShortcuts } from "../../hooks/useShortcuts";
import { total } from "../../lib/severity";
import { Button } from "../../primitives/Button";
import { VirtualList, type VirtualListHandle } from "../../primitives/VirtualList";
import type { LiveAnalysis } from "../../store/selectors";
import { useShell } from "../shell/context";
import { IssueRow } from "./IssueRow";
import { IssueListHead } from "./IssueListHead";
import { useHeld } from "./useHeld";
import "./issues.css";

const ROW = 28;

export function IssueList({ live }: { live: LiveAnalysis }) {
  const [severities, setSeverities] = useState<Severity[]>([]);
  const [text, setText] = useState("");
  const [searching, setSearching] = useState(false);
  const asked = useDeferredValue(text.trim());
  const filter = useMemo<IssueFilter>(
    () => ({ severities, text: asked === "" ? undefined : asked }),
    [severities, asked],
  );
  const list = useRef<VirtualListHandle>(null);
  const shown = `${live.analysis.id} ${JSON.stringify(filter)}`;
  const { held, handlers } = useHeld(shown);
  const follow = useCallback((rows: number) => list.current?.scrollByRows(rows), []);
  const issues = useIssues(live.analysis.id, filter, held, follow);
  const search = useRef<HTMLInputElement>(null);
  useShortcuts({
    "/": () => {
      setSearching(true);
      search.current?.focus();
    },
  });
  const release = () => {
    issues.release();
    list.current?.scrollTo(0);
  };
  return (
    <>
      <IssueListHead
        counts={live.counts}
        severities={severities}
        onSeverities={setSeverities}
        searching={searching}
        onSearching={setSearching}
        text={text}
        onText={setText}
        searchRef={search}
        incomplete={live.analysis.state === "failed" || live.analysis.state === "cancelled"}
        heldBack={issues.heldBack}
        onRelease={release}
      />
      <div className="issue-area" {...handlers}>
        {issues.total === undefined || issues.total === 0 || issues.error ? (
          <NoRows issues={issues} live={live} filtered={severities.length > 0 || asked !== ""} />
        ) : (
          <Rows key={shown} issues={issues} count={issues.total} list={list} />
        )}
      </div>
    </>
  );
}

interface RowsProps {
  issues: ReturnType<typeof useIssues>;
  count: number;
  list: React.RefObject<VirtualListHandle | null>;
}

function Rows({ issues, count, list }: RowsProps) {
  const { platform } = useApp();
  const { attempt } = useShell();
  const [selected, setSelected] = useState<string>();
  const { active, setActive, onKeyDown } = useRoving(count, (index) => list.current?.focus(index));
  const open = ({ help }: Issue) => {
    if (help !== undefined) attempt("The page could not be opened", () => platform.openUrl(help));
  };
  const scroller = {
    onKeyDown,
    role: "grid",
    "aria-label": "Issues",
    "aria-rowcount": count,
    "aria-colcount": 4,
  };
  return (
    <VirtualList
      className="issues"
      count={count}
      rowHeight={ROW}
      keyOf={(index) => keyOf(issues.at(index), index)}
      scroller={scroller}
      onRange={issues.see}
      handle={list}
    >
      {(place) => {
        const issue = issues.at(place.index);
        const key = keyOf(issue, place.index);
        return (
          <IssueRow
            key={key}
            issue={issue}
            index={place.index}
            style={place.style}
            tabStop={place.index === active}
            selected={selected === key}
            onSelect={() => {
              setActive(place.index);
              setSelected(key);
            }}
            onOpen={open}
          />
        );
      }}
    </VirtualList>
  );
}

/** Unique in an analysis: a fingerprint is, among those of the same detector. */
function keyOf(issue: Issue | undefined, index: number): string {
  return issue ? `${issue.detector}/${issue.fingerprint}` : `row-${index}`;
}

interface NoRowsProps {
  issues: ReturnType<typeof useIssues>;
  live: LiveAnalysis;
  filtered: boolean;
}

function NoRows({ issues, live, filtered }: NoRowsProps) {
  if (issues.error) {
    return (
      <div className="no-rows" role="alert">
        <p>The issues could not be loaded. {issues.error.message}</p>
        <Button size="small" onClick={issues.retry}>
          Retry
        </Button>
      </div>
    );
  }
  // The counts may run ahead of the rows for a moment: they are momentary, the rows are not.
  const onTheWay = !filtered && total(live.counts) > 0;
  if (issues.total === undefined || onTheWay) return <div className="no-rows" aria-busy="true" />;
  const none = filtered ? "No issue matches" : live.running ? "Nothing found so far" : "No issues found";
  return (
    <div className="no-rows">
      <p>{none}</p>
    </div>
  );
}
