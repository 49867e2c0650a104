/** A ring that fills with its share; without one it is a quarter: at work, share unknown. */
const ROUND = 2 * Math.PI * 5;

export function Ring({ percent, stale = false }: { percent?: number; stale?: boolean }) {
  const share = percent === undefined ? 0.3 : Math.max(0.02, percent / 100);
  return (
    <svg className={stale ? "glyph ring stale" : "glyph ring"} viewBox="0 0 14 14" aria-hidden="true">
      <circle className="track" cx="7" cy="7" r="5" />
      <circle
        className="fill"
        cx="7"
        cy="7"
        r="5"
        strokeDasharray={`${(share * ROUND).toFixed(1)} ${ROUND.toFixed(1)}`}
        transform="rotate(-90 7 7)"
      />
    </svg>
  );
}
