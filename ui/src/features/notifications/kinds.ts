import type { Notification } from "../../generated/Notification";
import type { IconName } from "../../primitives/Icon";

/** The sign of a notification: what it is about gives the shape, how much it matters the colour. */
export function iconOf({ kind, level }: Notification): { icon: IconName; tone: string } {
  const tone = `tone-${level}`;
  switch (kind) {
    case "analysis_complete":
      return { icon: "pulse", tone };
    case "analysis_ended":
      return { icon: level === "error" ? "warn" : "stop", tone };
    case "notice":
      return { icon: { info: "info", success: "check", warning: "warn", error: "warn" }[level] as IconName, tone };
    case "system":
      return { icon: level === "info" ? "info" : "warn", tone };
  }
}
