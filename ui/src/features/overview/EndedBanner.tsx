import { total } from "../../lib/severity";
import { clock, plural } from "../../lib/format";
import { Icon } from "../../primitives/Icon";
import type { LiveAnalysis } from "../../store/selectors";

/** Says why an analysis failed, and what is kept. */
export function EndedBanner({ live }: { live: LiveAnalysis }) {
  const { analysis, counts } = live;
  if (analysis.state !== "failed") return null;
  const at = analysis.ended_at === undefined ? "" : ` at ${clock(analysis.ended_at)}`;
  const found = total(counts);
  return (
    <div className="banner error" role="alert">
      <Icon name="warn" />
      <span className="grow trunc">
        <b>
          Analysis {analysis.number} failed{at}.
        </b>{" "}
        {analysis.reason !== undefined && `${sentence(analysis.reason)} `}
        {found > 0 ? `The ${plural(found, "issue")} found so far are kept.` : "Nothing was found before."}
      </span>
    </div>
  );
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
