/** The door as the app opens it: commands of the shell by name, one channel for changes. The only importer of Tauri. */
import { Channel, invoke } from "@tauri-apps/api/core";
import type { AppChange } from "../generated/AppChange";
import type { IssuePage } from "../generated/IssuePage";
import type { NotificationPage } from "../generated/NotificationPage";
import type { ProjectView } from "../generated/ProjectView";
import type { Platform } from "./types";

export function tauriPlatform(): Platform {
  return {
    async subscribe(onChanges) {
      let open = true;
      const channel = new Channel<AppChange[]>((changes) => {
        if (open) onChanges(changes);
      });
      await invoke("subscribe", { channel });
      // The shell keeps one channel per window and forgets this one when the window subscribes again or closes.
      return () => {
        open = false;
      };
    },

    signIn: (form) => invoke("sign_in", { form }),
    signOut: () => invoke("sign_out"),
    lookForKeyring: () => invoke("look_for_keyring"),

    connect: () => invoke("connect"),
    disconnect: () => invoke("disconnect"),
    retryNow: () => invoke("retry_now"),

    project: (project) => invoke<ProjectView>("project", { project }),
    issues: (analysis, filter, offset, limit) => invoke<IssuePage>("issues", { analysis, filter, offset, limit }),
    notifications: (filter) => invoke<NotificationPage>("notifications", { filter }),

    markRead: (ids) => invoke("mark_read", { ids }),
    markAllRead: (through) => invoke("mark_all_read", { through }),
    clearAll: (through) => invoke("clear_all", { through }),
    cancelAnalysis: (analysis) => invoke("cancel_analysis", { analysis }),

    setViewing: (project, place) => invoke("set_viewing", { project, place }),
    testPopup: () => invoke<string>("test_popup"),
    openUrl: (url) => invoke("open_url", { url }),
    painted: (measuredAt) => invoke("painted", { measuredAt }),
  };
}
