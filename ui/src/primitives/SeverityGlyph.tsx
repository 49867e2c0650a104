/** Five severities, five shapes: they read without colour. */
import type { ReactNode } from "react";
import type { Severity } from "../generated/Severity";

const SHAPES: Record<Severity, ReactNode> = {
  critical: (
    <>
      <path fill="currentColor" d="M4.3.8h5.4l3.5 3.5v5.4l-3.5 3.5H4.3L.8 9.7V4.3z" />
      <rect className="on-glyph" x="6.2" y="3.3" width="1.6" height="4.6" rx=".6" />
      <circle className="on-glyph" cx="7" cy="10" r="1" />
    </>
  ),
  high: (
    <>
      <path
        fill="currentColor"
        stroke="currentColor"
        strokeWidth="1.2"
        strokeLinejoin="round"
        d="M7 1.9 12.6 11.8H1.4z"
      />
    </>
  ),
  medium: (
    <>
      <path
        fill="currentColor"
        stroke="currentColor"
        strokeWidth="1"
        strokeLinejoin="round"
        d="M7 1.5 12.5 7 7 12.5 1.5 7z"
      />
    </>
  ),
  low: (
    <>
      <circle cx="7" cy="7" r="5" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path fill="currentColor" d="M2 7a5 5 0 0 0 10 0z" />
    </>
  ),
  info: (
    <>
      <circle cx="7" cy="7" r="5" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <circle cx="7" cy="7" r="1.5" fill="currentColor" />
    </>
  ),
};

/** Named, unless the text beside it says it already. */
export function SeverityGlyph({ severity, named = true }: { severity: Severity; named?: boolean }) {
  const label = named ? ({ role: "img", "aria-label": severity } as const) : ({ "aria-hidden": true } as const);
  return (
    <svg className={`glyph sev-${severity}`} viewBox="0 0 14 14" {...label}>
      {SHAPES[severity]}
    </svg>
  );
}
