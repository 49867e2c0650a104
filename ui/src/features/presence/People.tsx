import type { Person } from "../../generated/Person";
import type { ProjectId } from "../../generated/ProjectId";
import { useNow } from "../../hooks/useNow";
import { usePresence } from "../../hooks/usePresence";
import { clock, lasting, when } from "../../lib/format";
import { Avatar } from "../../primitives/Avatar";
import "./presence.css";

/** Who belongs to the project, who is here, and what they look at. */
export function People({ project }: { project: ProjectId | undefined }) {
  const { people, here, stale, asOf } = usePresence(project);
  const time = useNow(20_000);
  if (people.length === 0) return null;
  return (
    <>
      <h2 className="wide-only">
        <span>People</span>
        <span>{stale ? asOf !== undefined && `as of ${when(asOf, time)}` : `${here} here`}</span>
      </h2>
      <ul className="people" aria-label="People">
        {people.map((person) => (
          <PersonRow
            key={person.user}
            person={person}
            doing={doing(person, project, stale ? asOf : undefined, stale, time)}
            stale={stale}
          />
        ))}
      </ul>
    </>
  );
}

function PersonRow({ person, doing, stale }: { person: Person; doing: string; stale: boolean }) {
  const { user, display_name, status } = person;
  const shown = stale ? "offline" : status;
  return (
    <li className={shown === "offline" ? "person off" : "person"} title={`${display_name}, ${doing}`}>
      <Avatar id={user} name={display_name} status={shown} />
      <span className="wide-text person-text">
        <b className="trunc">{display_name}</b>
        <span className="trunc">
          {shown !== "offline" && <span className="sr">{shown}, </span>}
          {doing}
        </span>
      </span>
    </li>
  );
}

/** "viewing Overview", "away for 12 min", "last seen 11:40"; offline all of it is as last heard. */
function doing(
  person: Person,
  project: ProjectId | undefined,
  asOf: number | undefined,
  stale: boolean,
  time: number,
): string {
  const { status, viewing, since, last_seen } = person;
  if (stale && status !== "offline") return asOf === undefined ? "not known" : `seen at ${clock(asOf)}`;
  switch (status) {
    case "online":
      return viewing && viewing.project === project ? `viewing ${viewing.place}` : "online";
    case "away":
      return since === undefined ? "away" : `away for ${lasting(time - since)}`;
    case "offline":
      return last_seen === undefined ? "not seen yet" : `last seen ${when(last_seen, time)}`;
  }
}
