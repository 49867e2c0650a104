import type { CSSProperties } from "react";

export type ProgressState = "running" | "done" | "stale" | "failed";

interface ProgressProps {
  /** What it is the progress of, such as "clippy, 71 %". */
  label: string;
  /** 0 to 100; absent when it cannot be told: the bar is then indeterminate. */
  value?: number;
  state?: ProgressState;
  large?: boolean;
}

/** Only the transform moves. An unknown share has no value, for eyes and screen readers alike. */
export function Progress({ label, value, state = "running", large = false }: ProgressProps) {
  const unknown = value === undefined && state === "running";
  const classes = ["progress", state, large && "large", unknown && "unknown"].filter(Boolean).join(" ");
  const style = { "--share": `${value ?? 0}%` } as CSSProperties;
  return (
    <div
      className={classes}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === undefined ? undefined : Math.floor(value)}
    >
      <i style={style} />
    </div>
  );
}
