/** How the hooks reach the platform and the store of this window. */
import { createContext, use } from "react";
import { useStore } from "zustand";
import type { Platform } from "../platform/types";
import type { AppState } from "../store/state";
import type { AppStore } from "../store/store";

export interface App {
  platform: Platform;
  store: AppStore;
}

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = use(AppContext);
  if (!app) throw new Error("a view was rendered outside of <AppContext>");
  return app;
}

export function useAppState<T>(select: (state: AppState) => T): T {
  return useStore(useApp().store.state, select);
}
