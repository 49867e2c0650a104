import { useMemo, useState, type FocusEvent, type HTMLAttributes, type UIEvent } from "react";

export interface Held {
  held: boolean;
  /** For the element around the list, which stays while lists come and go. */
  handlers: HTMLAttributes<HTMLDivElement>;
}

/**
 * Whether a list must stand still: the pointer or the focus is in it, or it is scrolled away from its start. `list`
 * names the list that is shown; another one begins at its start.
 */
export function useHeld(list: string): Held {
  const [pointer, setPointer] = useState(false);
  const [focus, setFocus] = useState(false);
  const [scrolled, setScrolled] = useState<string>();
  const handlers = useMemo<HTMLAttributes<HTMLDivElement>>(
    () => ({
      onPointerEnter: () => {
        setPointer(true);
      },
      onPointerLeave: () => {
        setPointer(false);
      },
      onFocus: () => {
        setFocus(true);
      },
      onBlur: (event: FocusEvent<HTMLDivElement>) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setFocus(false);
      },
      onScrollCapture: (event: UIEvent<HTMLDivElement>) => {
        setScrolled((event.target as HTMLElement).scrollTop > 0 ? list : undefined);
      },
    }),
    [list],
  );
  return { held: pointer || focus || scrolled === list, handlers };
}
