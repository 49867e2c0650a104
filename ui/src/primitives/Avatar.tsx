import type { CSSProperties } from "react";
import type { Status } from "../generated/Status";
import { PresenceMark } from "./PresenceMark";

interface AvatarProps {
  /** Decides the colour, so that somebody has the same everywhere. */
  id: string;
  name: string;
  status?: Status;
  size?: "small" | "normal";
  /** Read out instead of nothing, where no text stands beside it. */
  label?: string;
}

export function Avatar({ id, name, status, size = "normal", label }: AvatarProps) {
  const pair = 1 + (hash(id) % 6);
  const style = { "--av": `var(--av-${pair})`, "--av-ink": `var(--av-${pair}-ink)` } as CSSProperties;
  const named = label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label, title: label };
  return (
    <span className={`avatar ${size}`} style={style} {...named}>
      {Array.from(name)[0]?.toUpperCase()}
      {status && <PresenceMark status={status} />}
    </span>
  );
}

/** FNV-1a with a last stir, so that ids which differ little still get different colours. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const letter of text) value = Math.imul(value ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}
