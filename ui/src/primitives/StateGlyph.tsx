/** Where a run or a detector stands, as a shape. The words stand beside it. */

export type StateShape = "done" | "waiting" | "skipped" | "stopped" | "failed" | "trouble" | "idle";

export function StateGlyph({ shape }: { shape: StateShape }) {
  return (
    <svg className={`glyph state-${shape}`} viewBox="0 0 14 14" fill="none" stroke="currentColor" aria-hidden="true">
      {drawing(shape)}
    </svg>
  );
}

function drawing(shape: StateShape) {
  switch (shape) {
    case "done":
      return <path d="m3.4 7.4 2.4 2.4 4.8-5.2" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />;
    case "waiting":
      return <circle cx="7" cy="7" r="5" strokeWidth="1.4" strokeDasharray="1.8 2.13" />;
    case "skipped":
      return <path d="M4 7h6" strokeWidth="1.6" strokeLinecap="round" />;
    case "stopped":
      return (
        <>
          <circle cx="7" cy="7" r="5" strokeWidth="1.4" />
          <path d="m3.6 10.4 6.8-6.8" strokeWidth="1.4" />
        </>
      );
    case "failed":
      return (
        <>
          <circle cx="7" cy="7" r="6" fill="currentColor" stroke="none" />
          <path
            className="on-glyph-line"
            d="m4.9 4.9 4.2 4.2M9.1 4.9 4.9 9.1"
            strokeWidth="1.5"
            strokeLinecap="round"
          />
        </>
      );
    case "trouble":
      return (
        <>
          <circle cx="7" cy="7" r="5" strokeWidth="1.4" />
          <path d="m5.2 5.2 3.6 3.6M8.8 5.2 5.2 8.8" strokeWidth="1.4" strokeLinecap="round" />
        </>
      );
    case "idle":
      return <circle cx="7" cy="7" r="2.2" fill="currentColor" stroke="none" opacity=".55" />;
  }
}
