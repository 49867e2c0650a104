/** Lantern Labs: its members and projects. */
import type { Person } from "../../generated/Person";
import type { ProjectRow } from "../../generated/ProjectRow";
import type { Session } from "../../generated/Session";

/** Today at this time, milliseconds since the Unix epoch. */
export function today(time: string, days = 0): number {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  const date = new Date();
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days, hours, minutes, seconds).getTime();
}

/** The present of the data set. */
export const PRESENT = "14:02:20";

export const SESSION: Session = {
  kind: "signed_in",
  user: "u-maya",
  name: "maya",
  display_name: "Maya",
  server: "Lantern Labs",
  address: "bell.lantern.example",
};

export const COMPILER = "p-compiler";
export const FORMATTER = "p-formatter";

export function projects(): ProjectRow[] {
  return [
    { id: COMPILER, name: "compiler", run: { state: "running", percent: 63.4 }, unread: 0 },
    { id: "p-language-server", name: "language-server", run: { state: "failed" }, unread: 3 },
    { id: "p-registry", name: "registry", run: { state: "running", percent: 30 }, unread: 2 },
    { id: FORMATTER, name: "formatter", unread: 0 },
    { id: "p-docs-site", name: "docs-site", run: { state: "complete" }, unread: 0 },
  ];
}

export function people(project: string): Person[] {
  const online = (name: string, place?: string): Person => ({
    ...member(name),
    status: "online",
    since: today("13:20"),
    devices: ["desktop"],
    viewing: place === undefined ? undefined : { project, place },
  });
  return [
    online("Ines", "Overview"),
    online("Kofi"),
    online("Maya", "Overview"),
    online("Priya", "Overview"),
    online("Sofia"),
    online("Tomas", "Overview"),
    { ...member("Jonas"), status: "away", since: today("13:50"), devices: ["desktop"] },
    { ...member("Lena"), status: "offline", last_seen: today("11:40"), devices: [] },
  ];
}

function member(display_name: string): Pick<Person, "user" | "name" | "display_name" | "role"> {
  const name = display_name.toLowerCase();
  return { user: `u-${name}`, name, display_name, role: name === "ines" ? "admin" : "member" };
}
