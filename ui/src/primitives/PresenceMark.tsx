/** Disc, half disc, ring: the shape carries the state, not only the colour. */
import type { Status } from "../generated/Status";

export function PresenceMark({ status }: { status: Status }) {
  return (
    <svg className={`presence ${status}`} viewBox="0 0 11 11" aria-hidden="true">
      <circle className="edge" cx="5.5" cy="5.5" r="5.5" />
      {status === "online" && <circle className="disc" cx="5.5" cy="5.5" r="3.5" />}
      {status === "away" && (
        <>
          <circle className="ring" cx="5.5" cy="5.5" r="2.9" strokeWidth="1.2" />
          <path className="disc" d="M5.5 2.2a3.3 3.3 0 0 0 0 6.6z" />
        </>
      )}
      {status === "offline" && <circle className="ring" cx="5.5" cy="5.5" r="2.8" strokeWidth="1.4" />}
    </svg>
  );
}
