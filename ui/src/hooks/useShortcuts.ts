import { useEffect, useRef } from "react";

/** Keys as they are written in the guide: "n", "Shift A", "Ctrl .", "Alt ArrowDown", "F6". Ctrl is ⌘ on macOS. */
export type Shortcuts = Record<string, (event: KeyboardEvent) => void>;

/** Shortcuts of the whole window. Single letters do nothing in a text field, in a menu or in a dialog. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const act = latest.current[nameOf(event)];
      if (!act || (isLetter(event) && takesLetters(event.target))) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener("keydown", listen);
    return () => {
      window.removeEventListener("keydown", listen);
    };
  }, []);
}

function nameOf(event: KeyboardEvent): string {
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // A sign such as "/" needs Shift on some keyboards; only with a letter or a named key is it part of the shortcut.
  const shift = event.shiftKey && (event.key.length > 1 || key !== key.toUpperCase());
  const name = shift && key.length === 1 ? key.toUpperCase() : key;
  return [control && "Ctrl", event.altKey && "Alt", shift && "Shift", name].filter(Boolean).join(" ");
}

function isLetter(event: KeyboardEvent): boolean {
  return event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
}

function takesLetters(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [role=menu], dialog") !== null;
}
