/** F6 goes round the regions of the window: projects and people, main, activity, status. */

/** Moves the focus to the next region, or the one before. */
export function nextRegion(by: 1 | -1): void {
  const regions = Array.from(document.querySelectorAll<HTMLElement>("[data-region]"));
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  const from = at === -1 && by === -1 ? 0 : at;
  regions[(from + by + regions.length) % regions.length]?.focus();
}
