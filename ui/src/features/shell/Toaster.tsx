/** Toasts: 6 s, longer while the pointer or the focus is on one, at most three. */
import * as Radix from "@radix-ui/react-toast";
import { useAppState } from "../../hooks/context";
import { Button, IconButton } from "../../primitives/Button";
import { Icon, type IconName } from "../../primitives/Icon";
import { MAX_TOASTS, type Toast } from "../../store/state";
import { iconOf } from "../notifications/kinds";
import { useShell, type Notice } from "./context";

const STAYS_MS = 6000;

interface Card {
  key: string;
  icon: IconName;
  tone: string;
  title: string;
  text: string;
  open?: () => void;
}

export function Toaster() {
  const toasts = useAppState((state) => state.toasts);
  const { notices, openProject } = useShell();
  const cards = [...toasts.map((toast) => cardOf(toast, openProject)), ...notices.map(noticeCard)].slice(-MAX_TOASTS);
  return (
    <Radix.Provider duration={STAYS_MS} label="Message">
      {cards.map((card) => (
        <Radix.Root key={card.key} className="toast" type="background">
          <span className={card.tone}>
            <Icon name={card.icon} />
          </span>
          <div>
            <Radix.Title className="toast-title">{card.title}</Radix.Title>
            {card.text !== "" && <Radix.Description>{card.text}</Radix.Description>}
          </div>
          {card.open && (
            <Radix.Action asChild altText={`Open ${card.title}`}>
              <Button kind="quiet" size="small" onClick={card.open}>
                Open
              </Button>
            </Radix.Action>
          )}
          <Radix.Close asChild>
            <IconButton icon="x" size="small" label="Dismiss" />
          </Radix.Close>
        </Radix.Root>
      ))}
      <Radix.Viewport className="toasts" label="Messages ({hotkey})" />
    </Radix.Provider>
  );
}

function cardOf(toast: Toast, openProject: (project: string) => void): Card {
  if (toast.kind === "refused") {
    const title = REFUSED[toast.command] ?? "An action was refused";
    return { key: `t${toast.nth}`, icon: "warn", tone: "tone-error", title, text: toast.error.message };
  }
  const { notification, projectName } = toast;
  const { icon, tone } = iconOf(notification);
  const { project } = notification;
  return {
    key: `t${toast.nth}`,
    icon,
    tone,
    title: projectName === undefined ? notification.title : `${notification.title} in ${projectName}`,
    text: notification.body,
    open:
      project === undefined
        ? undefined
        : () => {
            openProject(project);
          },
  };
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
