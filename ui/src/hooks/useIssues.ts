/**
 * The issues of an analysis: pulled in pages around what is seen, held still while somebody is in the list.
 * Deliberately absent: which rows are seen and whether somebody is there; the list knows.
 */
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import type { AnalysisId } from "../generated/AnalysisId";
import type { AppError } from "../generated/AppError";
import type { Issue } from "../generated/Issue";
import type { IssueFilter } from "../generated/IssueFilter";
import { asAppError } from "../lib/error";
import { useApp, useAppState } from "./context";

/** Rows pulled at once. */
export const ISSUE_PAGE = 100;

export interface Issues {
  /** How many rows the list has; absent until the first page came. */
  total: number | undefined;
  /** A row, if its page came. */
  at: (index: number) => Issue | undefined;
  /** New rows that are held back. */
  heldBack: number;
  error: AppError | undefined;
  /** Says which rows are seen, so that their pages are pulled. */
  see: (first: number, last: number) => void;
  /** Shows what was held back. */
  release: () => void;
  retry: () => void;
}

interface Shown {
  /** What was asked: analysis and filter. */
  of: string;
  /** At which revision of the analysis's issues. */
  revision: number;
  total: number;
  pages: Map<number, Issue[]>;
}

/**
 * `held` keeps the rows as they are; what arrives meanwhile is counted. `onMoved` hears by how many rows the first one
 * that is seen has moved, so that the list can stay where somebody is looking.
 */
export function useIssues(
  analysis: AnalysisId,
  filter: IssueFilter,
  held: boolean,
  onMoved: (rows: number) => void,
): Issues {
  const { platform } = useApp();
  const revision = useAppState((state) => state.issuesOf[analysis] ?? 0);
  const of = useMemo(() => JSON.stringify([analysis, filter]), [analysis, filter]);
  const [shown, setShown] = useState<Shown>();
  const [newTotal, setNewTotal] = useState<number>();
  const [error, setError] = useState<AppError>();
  const [released, release] = useReducer((count: number) => count + 1, 0);
  const seen = useRef({ first: 0, last: 0 });
  const asked = useRef(0);
  const accepted = useRef(0);
  const latest = useRef<Shown>(undefined);

  /** Pulls the seen pages anew and shows them together. */
  const refresh = useCallback(async () => {
    const ask = ++asked.current;
    const numbers = pagesOf(seen.current.first, seen.current.last);
    try {
      const got = await Promise.all(
        numbers.map((page) => platform.issues(analysis, filter, page * ISSUE_PAGE, ISSUE_PAGE)),
      );
      // Changes can come faster than answers: each answer is shown, unless a later one was shown already.
      if (ask < accepted.current) return;
      accepted.current = ask;
      const pages = new Map(got.map(({ rows }, n) => [numbers[n] ?? 0, rows]));
      const next = { of, revision, total: Math.max(0, ...got.map(({ total }) => total)), pages };
      const moved = movedBy(latest.current, next, seen.current.first);
      latest.current = next;
      setShown(next);
      if (moved !== 0) onMoved(moved);
      setNewTotal(undefined);
      setError(undefined);
    } catch (reason) {
      if (ask >= accepted.current) setError(asAppError(reason));
    }
  }, [platform, analysis, filter, of, revision, onMoved]);

  const current = shown?.of === of ? shown : undefined;
  const behind = current !== undefined && current.revision !== revision;
  const wait = held && behind;
  const lastRelease = useRef(released);
  useEffect(() => {
    const askedFor = lastRelease.current !== released;
    if (current && !behind && !askedFor) return;
    if (wait && !askedFor) {
      void count(platform.issues(analysis, filter, 0, 1), setNewTotal);
      return;
    }
    lastRelease.current = released;
    void refresh();
  }, [platform, analysis, filter, current, behind, wait, released, refresh, revision]);

  const see = useCallback(
    (first: number, last: number) => {
      seen.current = { first, last };
      const missing =
        current && pagesOf(first, Math.min(last, current.total - 1)).some((page) => !current.pages.has(page));
      // Rows beyond what is held come with what was held back: pages of two moments do not fit together.
      if (missing) void refresh();
    },
    [current, refresh],
  );

  return {
    total: current?.total,
    at: (index) => rowAt(current, index),
    heldBack: current && newTotal !== undefined && behind ? Math.max(0, newTotal - current.total) : 0,
    error,
    see,
    release,
    retry: () => void refresh(),
  };
}

async function count(page: Promise<{ total: number }>, set: (total: number) => void): Promise<void> {
  // A count that fails shows no "Show more"; the next change asks again.
  await page.then(
    ({ total }) => {
      set(total);
    },
    () => undefined,
  );
}

function pagesOf(first: number, last: number): number[] {
  const from = Math.floor(Math.max(0, first) / ISSUE_PAGE);
  const to = Math.floor(Math.max(first, last) / ISSUE_PAGE);
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

function rowAt(shown: Shown | undefined, index: number): Issue | undefined {
  return shown?.pages.get(Math.floor(index / ISSUE_PAGE))?.[index % ISSUE_PAGE];
}

/** By how many rows the one at `first` has moved. At the start of the list nobody has gone anywhere: new ones are shown. */
function movedBy(before: Shown | undefined, next: Shown, first: number): number {
  const row = first > 0 && before?.of === next.of ? rowAt(before, first) : undefined;
  if (!row) return 0;
  for (const [page, rows] of next.pages) {
    const found = rows.findIndex((one) => one.fingerprint === row.fingerprint && one.detector === row.detector);
    if (found >= 0) return page * ISSUE_PAGE + found - first;
  }
  return 0;
}
