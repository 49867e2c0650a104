/** The one place that reads the time. Tests and the in-browser platform set it. */
let offset = 0;

/** Milliseconds since the Unix epoch. */
export function now(): number {
  return Date.now() + offset;
}

/** From here on `now()` runs from this time. */
export function setClock(to: number): void {
  offset = to - Date.now();
}
