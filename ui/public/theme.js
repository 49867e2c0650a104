/* Sets the theme before the first paint. src/lib/theme.ts changes it afterwards; both know the same key. */
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("watchbell.theme");
  } catch {
    /* Storage is off: the system's theme is used. */
  }
  var dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
})();
