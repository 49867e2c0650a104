/** The final geometry in grey, and only when waiting takes long enough to be noticed. */
import { useSlow } from "../../hooks/useSlow";
import { Skeleton } from "../../primitives/Skeleton";

const NAMES = [44, 58, 38, 66, 30, 46, 64, 48, 36, 62, 60, 84];
const MESSAGES = [216, 262, 238, 246, 224, 250, 232];

export function Loading() {
  const slow = useSlow();
  if (!slow) return <div className="loading" aria-busy="true" />;
  return (
    <div className="loading" aria-busy="true">
      <span className="sr" role="status">
        Loading
      </span>
      <SummarySkeleton />
      <div className="detectors" aria-hidden="true">
        <div className="detector head-row">
          <span />
          <span>Detector</span>
        </div>
        {NAMES.map((width, n) => (
          <div key={n} className="detector">
            <Skeleton width={12} height={12} round />
            <Skeleton width={width} />
            <Skeleton width="100%" height={4} />
            <Skeleton width={54} />
            <span className="skeleton-end">
              <Skeleton width={28} />
            </span>
          </div>
        ))}
      </div>
      <div className="list-head" aria-hidden="true">
        <h2>Issues</h2>
      </div>
      {MESSAGES.map((width, n) => (
        <div key={n} className="issue skeleton-row" aria-hidden="true">
          <Skeleton width={12} height={12} round />
          <Skeleton width={width} />
          <Skeleton width={104} />
          <span className="skeleton-end">
            <Skeleton width={150 - (n % 3) * 24} />
          </span>
        </div>
      ))}
    </div>
  );
}

function SummarySkeleton() {
  return (
    <div className="run" aria-hidden="true">
      <div className="run-top skeleton-top">
        <Skeleton width={64} height={22} />
        <Skeleton width={110} />
        <span className="sums">
          <Skeleton width={150} />
        </span>
      </div>
      <Skeleton width="100%" height={6} />
      <div className="run-sub skeleton-sub">
        <Skeleton width={260} />
        <span className="grow" />
        <Skeleton width={190} />
      </div>
    </div>
  );
}
