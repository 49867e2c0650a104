/** A message that stays 6 s, longer while the pointer or the focus is on one. */
import * as Radix from "@radix-ui/react-toast";
import type { ReactNode } from "react";
import { Button, IconButton } from "./Button";
import { Icon, type IconName } from "./Icon";

const STAYS_MS = 6000;

interface ToastProps {
  icon: IconName;
  /** The class that colours the icon. */
  tone: string;
  title: string;
  text: string;
  /** Leads to what it is about. */
  onOpen?: () => void;
}

export function Toast({ icon, tone, title, text, onOpen }: ToastProps) {
  return (
    <Radix.Root className="toast" type="background">
      <span className={tone}>
        <Icon name={icon} />
      </span>
      <div>
        <Radix.Title className="toast-title">{title}</Radix.Title>
        {text !== "" && <Radix.Description>{text}</Radix.Description>}
      </div>
      {onOpen && (
        <Radix.Action asChild altText={`Open ${title}`}>
          <Button kind="quiet" size="small" onClick={onOpen}>
            Open
          </Button>
        </Radix.Action>
      )}
      <Radix.Close asChild>
        <IconButton icon="x" size="small" label="Dismiss" />
      </Radix.Close>
    </Radix.Root>
  );
}

/** Where toasts appear. */
export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Radix.Provider duration={STAYS_MS} label="Message">
      {children}
      <Radix.Viewport className="toasts" label="Messages ({hotkey})" />
    </Radix.Provider>
  );
}
