/** The line icons, 16 × 16, drawn with the text's colour. They carry no meaning of their own: the control has the name. */
import type { ReactNode } from "react";

const SHAPES = {
  bell: (
    <>
      <path d="M8 1.6v1M3.3 11.4c1-.95 1.4-2.1 1.4-4.4a3.3 3.3 0 0 1 6.6 0c0 2.3.4 3.45 1.4 4.4z" />
      <path d="M6.6 13.6a1.5 1.5 0 0 0 2.8 0" />
    </>
  ),
  "bell-off": (
    <path d="M5.6 4.4A3.3 3.3 0 0 1 11.3 7c0 2.3.4 3.45 1.4 4.4M10.4 11.4H3.3c1-.95 1.4-2.1 1.4-4.4v-.2M6.6 13.6a1.5 1.5 0 0 0 2.8 0M2 2l12 12" />
  ),
  branch: (
    <>
      <circle cx="4.5" cy="3.6" r="1.6" />
      <circle cx="4.5" cy="12.4" r="1.6" />
      <circle cx="11.5" cy="5" r="1.6" />
      <path d="M4.5 5.2v5.6M11.5 6.6c0 2.4-2.2 2.9-4.4 3.2-1.3.2-2.6.4-2.6 1" />
    </>
  ),
  check: <path d="m3.4 8.4 3 3 6.2-6.6" />,
  checks: <path d="m1.6 8.6 2.7 2.7 5.6-6M7.6 11.1l.3.2 5.9-6" />,
  clock: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.6V8l2.3 1.6" />
    </>
  ),
  commit: (
    <>
      <circle cx="8" cy="8" r="2.5" />
      <path d="M1.5 8h4M10.5 8h4" />
    </>
  ),
  copy: (
    <>
      <rect x="5.4" y="5.4" width="8" height="8" rx="1.4" />
      <path d="M10.6 5.2V4c0-.8-.5-1.4-1.4-1.4H4c-.9 0-1.4.6-1.4 1.4v5.2c0 .9.5 1.4 1.4 1.4h1.2" />
    </>
  ),
  door: <path d="M6.4 2.6H3.2v10.8h3.2M6.6 8h7M10.8 5l3 3-3 3" />,
  eye: (
    <>
      <path d="M1.4 8S3.8 3.6 8 3.6 14.6 8 14.6 8 12.2 12.4 8 12.4 1.4 8 1.4 8z" />
      <circle cx="8" cy="8" r="1.9" />
    </>
  ),
  gear: (
    <>
      <circle cx="8" cy="8" r="2.1" />
      <path d="M8 1.6v1.9M8 12.5v1.9M14.4 8h-1.9M3.5 8H1.6M12.5 3.5l-1.3 1.3M4.8 11.2l-1.3 1.3M12.5 12.5l-1.3-1.3M4.8 4.8 3.5 3.5" />
    </>
  ),
  history: <path d="M2.8 8A5.3 5.3 0 1 0 4.4 4.2L2.8 5.7M2.8 2.6v3.1h3.1M8 5.2V8l2 1.3" />,
  info: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 7.4v3.4M8 5.1v.1" />
    </>
  ),
  key: (
    <>
      <circle cx="5" cy="11" r="2.8" />
      <path d="m7 9 6-6M10.6 5.4l2 2" />
    </>
  ),
  lock: (
    <>
      <rect x="3.4" y="7" width="9.2" height="6.6" rx="1.4" />
      <path d="M5.4 7V4.9a2.6 2.6 0 0 1 5.2 0V7" />
    </>
  ),
  offline: (
    <path d="M2 2l12 12M4.2 9.2a5.6 5.6 0 0 1 2.6-1.4M1.8 6.6a9 9 0 0 1 2.7-1.8M7.4 4a9 9 0 0 1 6.8 2.6M10.4 8.2c.5.3 1 .6 1.4 1M8 12.4v.1" />
  ),
  pulse: <path d="M1.5 8.4h3l1.9-4.8 3.2 8.8 1.9-4h3" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.3" />
      <path d="m10.3 10.3 3.2 3.2" />
    </>
  ),
  sidebar: (
    <>
      <rect x="1.8" y="2.8" width="12.4" height="10.4" rx="1.6" />
      <path d="M10 2.8v10.4" />
    </>
  ),
  stop: <rect x="4" y="4" width="8" height="8" rx="1.3" />,
  trash: <path d="M3 4.4h10M6.2 4.2V2.8h3.6v1.4M4.4 4.6l.6 8.6h6l.6-8.6M6.8 7v3.8M9.2 7v3.8" />,
  warn: (
    <>
      <path d="M8 2.4 14.2 13H1.8z" />
      <path d="M8 6.4v3.1M8 11.3v.1" />
    </>
  ),
  x: <path d="m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, small = false }: { name: IconName; small?: boolean }) {
  return (
    <svg className={small ? "icon small" : "icon"} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[name]}
    </svg>
  );
}

/** The bell mark. */
export function Logo() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="3.1" r="1.7" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <path
        fill="currentColor"
        d="M12 4.8c-3.1 0-4.7 2-5 4.9-.3 3.1-1 5-3 6.6-.6.5-.3 1.4.5 1.4h15c.8 0 1.1-.9.5-1.4-2-1.6-2.7-3.5-3-6.6-.3-2.9-1.9-4.9-5-4.9z"
      />
      <path d="M9.7 19.1a2.4 2.4 0 0 0 4.6 0z" fill="currentColor" />
    </svg>
  );
}
