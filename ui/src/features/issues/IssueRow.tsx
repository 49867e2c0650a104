import type { CSSProperties } from "react";
import type { Issue } from "../../generated/Issue";
import { SeverityGlyph } from "../../primitives/SeverityGlyph";
import { Skeleton } from "../../primitives/Skeleton";

interface IssueRowProps {
  /** Absent while its page is pulled. */
  issue: Issue | undefined;
  index: number;
  /** Where the list places it. */
  style: CSSProperties;
  tabStop: boolean;
  selected: boolean;
  onSelect: () => void;
  onOpen: (issue: Issue) => void;
}

export function IssueRow({ issue, index, style, tabStop, selected, onSelect, onOpen }: IssueRowProps) {
  return (
    <div
      style={style}
      data-index={index}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={selected}
      className={selected ? "issue selected" : "issue"}
      tabIndex={tabStop ? 0 : -1}
      onClick={onSelect}
      onDoubleClick={() => {
        if (issue) onOpen(issue);
      }}
      onKeyDown={(event) => {
        if (event.key === " " || event.key === "Enter") {
          event.preventDefault();
          onSelect();
          if (event.key === "Enter" && issue) onOpen(issue);
        }
      }}
    >
      {issue ? <Cells issue={issue} /> : <Waiting />}
    </div>
  );
}

function Cells({ issue }: { issue: Issue }) {
  const { severity, message, detector, rule, path, line, help } = issue;
  const cut = path.lastIndexOf("/") + 1;
  const place = line > 0 ? `${path}:${line}` : path;
  const name = `${detector}/${rule}`;
  return (
    <>
      <span role="gridcell">
        <SeverityGlyph severity={severity} />
      </span>
      <span role="gridcell" className="trunc" title={message}>
        {message}
      </span>
      <span
        role="gridcell"
        className="rule mono trunc"
        title={help === undefined ? name : `${name}. Enter opens its page.`}
      >
        {name}
      </span>
      <span role="gridcell" className="path mono" title={place}>
        <span className="path-folder">
          <bdi>{path.slice(0, cut)}</bdi>
        </span>
        <span className="path-file">{place.slice(cut)}</span>
      </span>
    </>
  );
}

function Waiting() {
  return (
    <>
      <span role="gridcell">
        <Skeleton width={12} height={12} round />
      </span>
      <span role="gridcell">
        <Skeleton width={220} />
      </span>
    </>
  );
}
