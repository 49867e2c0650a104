/** How many, up to 99; nothing at zero. */
export function Badge({ count, className }: { count: number; className: string }) {
  return count > 0 ? (
    <span className={`badge ${className}`} aria-hidden="true">
      {upTo99(count)}
    </span>
  ) : null;
}

export function upTo99(count: number): string {
  return count > 99 ? "99+" : String(count);
}
