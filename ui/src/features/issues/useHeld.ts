import { useMemo, useState, type FocusEvent, type HTMLAttributes, type UIEvent } from "react";

/** Whether a list must stand still: the pointer or the focus is in it, or it is scrolled away from its start. */
export function useHeld(): { held: boolean; handlers: HTMLAttributes<HTMLDivElement> } {
  const [pointer, setPointer] = useState(false);
  const [focus, setFocus] = useState(false);
  const [scrolled, setScrolled] = useState(false);
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
      onScroll: (event: UIEvent<HTMLDivElement>) => {
        setScrolled(event.currentTarget.scrollTop > 0);
      },
    }),
    [],
  );
  return { held: pointer || focus || scrolled, handlers };
}
