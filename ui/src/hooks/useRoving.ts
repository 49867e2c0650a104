import { useCallback, useState, type KeyboardEvent } from "react";

export interface Roving {
  /** The row that has the list's one Tab stop. */
  active: number;
  setActive: (index: number) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** One Tab stop for a whole list: J K and the arrows move in it. `focus` brings a row into view and focuses it. */
export function useRoving(count: number, focus: (index: number) => void): Roving {
  const [chosen, setActive] = useState(0);
  const active = Math.min(chosen, Math.max(0, count - 1));
  const onKeyDown = useCallback(
    (event: KeyboardEvent) => {
      const to = target(event, active, count);
      if (to === undefined) return;
      event.preventDefault();
      setActive(to);
      focus(to);
    },
    [active, count, focus],
  );
  return { active, setActive, onKeyDown };
}

function target(event: KeyboardEvent, active: number, count: number): number | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey || count === 0) return undefined;
  const last = count - 1;
  switch (event.key) {
    case "ArrowDown":
    case "j":
      return Math.min(last, active + 1);
    case "ArrowUp":
    case "k":
      return Math.max(0, active - 1);
    case "PageDown":
      return Math.min(last, active + 10);
    case "PageUp":
      return Math.max(0, active - 10);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}
