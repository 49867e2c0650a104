/** What there is to say in the window: what arrived while it has the focus, what was refused, what an action gave. */
import { useAppState } from "../../hooks/context";
import { plural } from "../../lib/format";
import type { IconName } from "../../primitives/Icon";
import { Toast, Toasts } from "../../primitives/Toast";
import { MAX_TOASTS, type Toast as Said } from "../../store/state";
import { iconOf } from "../notifications/kinds";
import { useShell, type Notice } from "./context";

interface Card {
  key: string;
  icon: IconName;
  tone: string;
  title: string;
  text: string;
  onOpen?: () => void;
}

export function Toaster() {
  const toasts = useAppState((state) => state.toasts);
  const { notices, openProject, setPanelOpen } = useShell();
  const openPanel = () => {
    setPanelOpen(true);
  };
  const cards = [...toasts.map((toast) => cardOf(toast, openProject, openPanel)), ...notices.map(noticeCard)].slice(
    -MAX_TOASTS,
  );
  return (
    <Toasts>
      {cards.map(({ key, ...card }) => (
        <Toast key={key} {...card} />
      ))}
    </Toasts>
  );
}

function cardOf(toast: Said, openProject: (project: string) => void, openPanel: () => void): Card {
  if (toast.kind === "refused") {
    const title = REFUSED[toast.command] ?? "An action was refused";
    return { key: `t${toast.nth}`, icon: "warn", tone: "tone-error", title, text: toast.error.message };
  }
  if (toast.kind === "summary") {
    const title = `${plural(toast.count, "notification")} while you were away`;
    return { key: `t${toast.nth}`, icon: "bell", tone: "tone-info", title, text: "", onOpen: openPanel };
  }
  const { notification } = toast;
  const { project, title, body } = notification;
  const onOpen =
    project === undefined
      ? undefined
      : () => {
          openProject(project);
        };
  return { key: `t${toast.nth}`, ...iconOf(notification), title, text: body, onOpen };
}

function noticeCard({ nth, title, text, bad }: Notice): Card {
  return { key: `n${nth}`, icon: bad ? "warn" : "info", tone: bad ? "tone-error" : "tone-info", title, text };
}

const REFUSED: Record<string, string> = {
  "notification:read": "Could not be marked as read",
  "notification:read_all": "Could not be marked as read",
  "notification:clear": "Could not be cleared",
  "analysis:cancel": "The analysis could not be cancelled",
};
