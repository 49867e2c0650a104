import { useState } from "react";
import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import { usePresence } from "../../hooks/usePresence";
import { useSession } from "../../hooks/useSession";
import { chooseTheme, chosenTheme, type Theme } from "../../lib/theme";
import { Avatar } from "../../primitives/Avatar";
import { IconButton } from "../../primitives/Button";
import { Confirm } from "../../primitives/Confirm";
import { Menu, MenuChoice, MenuItem, MenuLine } from "../../primitives/Menu";
import { useShell } from "./context";

const THEMES = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
] as const satisfies readonly (readonly [Theme, string])[];

/** Oneself: name, state, and the menu with the theme and the way out. */
export function OwnRow() {
  const { session, signOut } = useSession();
  const { project, attempt } = useShell();
  const { self } = usePresence(project);
  const { stale } = useConnectionStatus();
  const [theme, setTheme] = useState(chosenTheme);
  const [asking, setAsking] = useState(false);
  if (session.kind !== "signed_in") return null;
  const status = stale ? "offline" : self?.status === "away" ? "away" : "online";
  return (
    <div className="own">
      <span className="wide-only own-person">
        <Avatar id={session.user} name={session.display_name} status={status} />
        <span className="grow">
          <b className="trunc">{session.display_name}</b>
          <span>{stale ? "Not connected" : status === "away" ? "Away" : "Online"}</span>
        </span>
      </span>
      <Menu
        align="end"
        trigger={<IconButton icon="gear" size="small" label={`Theme and sign-out of ${session.display_name}`} />}
      >
        <MenuChoice
          label="Theme"
          value={theme}
          options={THEMES}
          onChange={(next) => {
            setTheme(next);
            chooseTheme(next);
          }}
        />
        <MenuLine />
        <MenuItem
          icon="door"
          danger
          onSelect={() => {
            setAsking(true);
          }}
        >
          Sign out
        </MenuItem>
      </Menu>
      {asking && (
        <Confirm
          title={`Sign out of ${session.server}`}
          text="What is saved on this computer for this server is removed. Actions that still wait are lost."
          action="Sign out"
          onConfirm={() => {
            attempt("Could not sign out", signOut);
          }}
          onClose={() => {
            setAsking(false);
          }}
        />
      )}
    </div>
  );
}
