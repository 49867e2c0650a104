import type { RefObject } from "react";
import type { Counts } from "../../generated/Counts";
import type { Severity } from "../../generated/Severity";
import { SEVERITIES, total } from "../../lib/severity";
import { Button, IconButton } from "../../primitives/Button";
import { Icon } from "../../primitives/Icon";
import { SeverityGlyph } from "../../primitives/SeverityGlyph";

interface IssueListHeadProps {
  counts: Counts;
  severities: Severity[];
  onSeverities: (severities: Severity[]) => void;
  searching: boolean;
  onSearching: (searching: boolean) => void;
  text: string;
  onText: (text: string) => void;
  searchRef: RefObject<HTMLInputElement | null>;
  /** The run did not finish: what is listed is not everything. */
  incomplete: boolean;
  heldBack: number;
  onRelease: () => void;
}

export function IssueListHead(props: IssueListHeadProps) {
  const { counts, severities, onSeverities, incomplete, heldBack, onRelease } = props;
  const toggle = (severity: Severity) => {
    const without = severities.filter((one) => one !== severity);
    onSeverities(without.length < severities.length ? without : [...severities, severity]);
  };
  return (
    <div className="list-head">
      <h2>Issues</h2>
      <div className="chips" role="group" aria-label="Filter by severity">
        <button
          type="button"
          className="chip"
          aria-pressed={severities.length === 0}
          onClick={() => {
            onSeverities([]);
          }}
        >
          All <span className="chip-count">{total(counts)}</span>
        </button>
        {SEVERITIES.map((severity) => (
          <button
            key={severity}
            type="button"
            className="chip"
            aria-pressed={severities.includes(severity)}
            aria-label={`${severity} ${counts[severity]}`}
            title={`Only ${severity}`}
            onClick={() => {
              toggle(severity);
            }}
          >
            <SeverityGlyph severity={severity} named={false} />
            <span className="chip-count">{counts[severity]}</span>
          </button>
        ))}
      </div>
      <span className="grow" />
      {heldBack > 0 && (
        <Button
          kind="quiet"
          size="small"
          className="more"
          title="Held back while you are in the list"
          onClick={onRelease}
        >
          Show {heldBack} more
        </Button>
      )}
      {incomplete && <span className="tag warn">Incomplete run</span>}
      <Search {...props} />
    </div>
  );
}

function Search({ searching, onSearching, text, onText, searchRef }: IssueListHeadProps) {
  if (!searching) {
    return (
      <IconButton
        icon="search"
        size="small"
        label="Search issues"
        keys="/"
        onClick={() => {
          onSearching(true);
        }}
      />
    );
  }
  return (
    <div className="search">
      <Icon name="search" small />
      <input
        ref={searchRef}
        autoFocus
        type="search"
        placeholder="Message, rule or path"
        aria-label="Search issues"
        value={text}
        onChange={(event) => {
          onText(event.target.value);
        }}
        onBlur={() => {
          if (text === "") onSearching(false);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          onText("");
          onSearching(false);
        }}
      />
    </div>
  );
}
