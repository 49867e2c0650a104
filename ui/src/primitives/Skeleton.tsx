import type { CSSProperties } from "react";

/** A grey stand-in of the final size. Decoration: the region that loads says so itself. */
export function Skeleton({
  width,
  height = 10,
  round = false,
}: {
  width: number | string;
  height?: number;
  round?: boolean;
}) {
  const style: CSSProperties = { width, height };
  return <i className={round ? "skeleton round" : "skeleton"} style={style} aria-hidden="true" />;
}
