/** The memory platform as an address asks for it: `?state=running&theme=dark`. */
import { setClock } from "../../lib/clock";
import { MemoryPlatform, STATES } from "../memory";
import type { Platform } from "../types";
import { PRESENT, today } from "./people";

export function browserPlatform(query: URLSearchParams): Platform {
  setClock(today(PRESENT));
  const theme = query.get("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  return new MemoryPlatform(STATES.find((state) => state === query.get("state")) ?? "running");
}
