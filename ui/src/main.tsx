import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./tokens.css";
import "./base.css";
import "./primitives/controls.css";
import "./primitives/marks.css";
import "./primitives/overlays.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { tauriPlatform } from "./platform/tauri";
import type { Platform } from "./platform/types";
import { AppStore } from "./store/store";

async function choosePlatform(): Promise<Platform> {
  if ("__TAURI_INTERNALS__" in window) return tauriPlatform();
  // A plain browser: the same UI on a fixed data set. Loaded only here, so that the app starts without it.
  return (await import("./platform/memory/browser")).browserPlatform(new URLSearchParams(location.search));
}

async function start(): Promise<void> {
  const root = document.getElementById("root");
  if (!root) throw new Error("index.html has no #root");
  const platform = await choosePlatform();
  const store = new AppStore(platform);
  await store.start();
  createRoot(root).render(
    <StrictMode>
      <App app={{ platform, store }} />
    </StrictMode>,
  );
}

start().catch((error: unknown) => {
  console.error("the window could not start", error);
  document.body.textContent = "Watchbell could not start. Quit and open it again.";
});
