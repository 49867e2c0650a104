import type { ProjectId } from "../../generated/ProjectId";
import { usePresence } from "../../hooks/usePresence";
import { Avatar } from "../../primitives/Avatar";

/** Faces shown; the rest is counted. */
const FACES = 4;

/** Who else looks at this project right now. */
export function Viewers({ project }: { project: ProjectId }) {
  const { viewers } = usePresence(project);
  if (viewers.length === 0) return null;
  const names = viewers.map(({ display_name }) => display_name).join(", ");
  return (
    <span className="viewers" role="img" aria-label={`Viewing: ${names}`} title={names}>
      {viewers.slice(0, FACES).map(({ user, display_name }) => (
        <Avatar key={user} id={user} name={display_name} />
      ))}
      {viewers.length > FACES && <span className="viewers-more">+{viewers.length - FACES}</span>}
    </span>
  );
}
