import { useState } from "react";
import { useConnectionStatus } from "../../hooks/useConnectionStatus";
import { usePresence } from "../../hooks/usePresence";
import { useSession } from "../../hooks/useSession";
import { chooseTheme, chosenTheme, type Theme } from "../../lib/theme";
import { Avatar } from "../../primitives/Avatar";
import { Confirm } from "../../primitives/Confirm";
import { Icon } from "../../primitives/Icon";
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
  const words = stale ? "Not connected" : status === "away" ? "Away" : "Online";
  const trigger = (
    <button type="button" className="own" title={session.display_name}>
      <Avatar id={session.user} name={session.display_name} status={status} />
      <span className="wide-text own-person">
        <b className="trunc">{session.display_name}</b>
        <span>{words}</span>
        <span className="sr">Theme and sign-out</span>
      </span>
      <span className="wide-only own-gear">
        <Icon name="gear" small />
      </span>
    </button>
  );
  return (
    <>
      <Menu trigger={trigger}>
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
    </>
  );
}
