import type { RefObject } from "react";
import { useAppState } from "../../hooks/context";
import { useUnread } from "../../hooks/useNotifications";
import { Badge, upTo99 } from "../../primitives/Badge";
import { IconButton } from "../../primitives/Button";
import { useShell } from "../shell/context";

export function Bell({ bell }: { bell: RefObject<HTMLButtonElement | null> }) {
  const unread = useUnread();
  const off = useAppState((state) => state.popups.kind === "off");
  const { panelOpen, setPanelOpen } = useShell();
  return (
    <IconButton
      ref={bell}
      icon={off ? "bell-off" : "bell"}
      label={`Notifications, ${upTo99(unread)} unread`}
      keys="N"
      on={panelOpen}
      aria-expanded={panelOpen}
      onClick={() => {
        setPanelOpen(!panelOpen);
      }}
    >
      <Badge className="on-bell" count={unread} />
    </IconButton>
  );
}
