import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** The build must live under a strict content security policy: no inline script, no inline style, no data: URL. */
export default defineConfig({
  plugins: [react()],
  clearScreen: false,
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
  preview: { host: "127.0.0.1", port: 4173, strictPort: true },
  build: {
    // The engines of the Tauri windows: WebKitGTK 2.40 and later, WKWebView, WebView2.
    target: ["safari16", "chrome111"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    environment: "jsdom",
    setupFiles: ["tests/setup.ts"],
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    css: false,
    // The machine may be building something else beside.
    testTimeout: 20_000,
  },
});
