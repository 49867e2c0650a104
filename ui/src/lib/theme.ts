/** Light, dark or the system's. `public/theme.js` did the same before the first paint; both know the same key. */
export type Theme = "system" | "light" | "dark";

const KEY = "watchbell.theme";

export function chosenTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system"; // Storage is off: the choice lasts as long as the window.
  }
}

export function chooseTheme(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // As above.
  }
  show(theme);
}

/** Follows the system while nothing else is chosen. Returns the way to stop. */
export function followSystemTheme(): () => void {
  const dark = darkSystem();
  const follow = () => {
    if (chosenTheme() === "system") show("system");
  };
  dark.addEventListener("change", follow);
  return () => {
    dark.removeEventListener("change", follow);
  };
}

function show(theme: Theme): void {
  const dark = theme === "dark" || (theme === "system" && darkSystem().matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

function darkSystem(): MediaQueryList {
  return matchMedia("(prefers-color-scheme: dark)");
}
