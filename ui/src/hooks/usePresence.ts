import { useMemo } from "react";
import type { Person } from "../generated/Person";
import type { ProjectId } from "../generated/ProjectId";
import { isStale, offlineSince } from "../store/selectors";
import { useAppState } from "./context";

export interface Presence {
  /** The others of the project: online first, then by name. Offline, all of them are as last heard. */
  people: Person[];
  /** Oneself in that project. */
  self: Person | undefined;
  /** Others who are here, active or away; 0 while offline. */
  here: number;
  /** Others who look at this project right now; nobody while offline. */
  viewers: Person[];
  /** Whether the list is as last heard. */
  stale: boolean;
  /** Of which time the list is, when it is stale and that is known. */
  asOf: number | undefined;
}

const NOBODY: Person[] = [];
const RANK = { online: 0, away: 1, offline: 2 } as const;

export function usePresence(project: ProjectId | undefined): Presence {
  const all = useAppState((state) => (project === undefined ? NOBODY : (state.views[project]?.people ?? NOBODY)));
  const own = useAppState((state) => (state.session.kind === "signed_in" ? state.session.user : undefined));
  const stale = useAppState((state) => isStale(state.connection?.state));
  const asOf = useAppState((state) => offlineSince(state.connection?.state) ?? state.connection?.saved_at);
  return useMemo(() => {
    const people = all
      .filter(({ user }) => user !== own)
      .sort((a, b) => RANK[a.status] - RANK[b.status] || a.display_name.localeCompare(b.display_name));
    const present = stale ? NOBODY : people.filter(({ status }) => status !== "offline");
    return {
      people,
      self: all.find(({ user }) => user === own),
      here: present.length,
      viewers: present.filter(({ status, viewing }) => status === "online" && viewing?.project === project),
      stale,
      asOf: stale ? asOf : undefined,
    };
  }, [all, own, stale, asOf, project]);
}
