/** Issues of the last runs as a line; nothing while there are not two to compare. */
const WIDTH = 740;
const HEIGHT = 28;
/** Room for the line's thickness and the last run's dot. */
const MARGIN = 4;

export function Trend({ runs }: { runs: number[] }) {
  if (runs.length < 2) return null;
  const points = trendPoints(runs);
  const line = points.map(([x, y], n) => `${n === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const [endX, endY] = points.at(-1) ?? [0, 0];
  const label = `Issues in the last ${runs.length} runs, from ${runs[0] ?? 0} to ${runs.at(-1) ?? 0}`;
  return (
    <div className="trend" role="img" aria-label={label}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path className="area" d={`${line}L${endX.toFixed(1)} ${HEIGHT}L${MARGIN} ${HEIGHT}Z`} />
        <path d={line} />
      </svg>
      {/* Outside the drawing, which is stretched: a dot in it would be an ellipse. */}
      <i style={{ left: `${(endX / WIDTH) * 100}%`, top: endY }} />
    </div>
  );
}

/** Places in the drawing: the lowest run near the floor, the highest near the top; equal ones in the middle. */
export function trendPoints(runs: readonly number[]): [x: number, y: number][] {
  const low = Math.min(...runs);
  const high = Math.max(...runs);
  const step = (WIDTH - 2 * MARGIN) / (runs.length - 1);
  return runs.map((run, n) => {
    const share = high === low ? 0.5 : (run - low) / (high - low);
    return [MARGIN + n * step, HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)];
  });
}
