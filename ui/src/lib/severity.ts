/** The five severities, worst first. */
import type { Counts } from "../generated/Counts";
import type { Severity } from "../generated/Severity";

export const SEVERITIES: readonly Severity[] = ["critical", "high", "medium", "low", "info"];

export function total(counts: Counts): number {
  return SEVERITIES.reduce((sum, severity) => sum + counts[severity], 0);
}
