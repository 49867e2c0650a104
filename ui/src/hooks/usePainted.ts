import { useEffect, useRef } from "react";
import type { UnixMillis } from "../generated/UnixMillis";
import { useApp } from "./context";

/** For the view that draws progress: tells the Rust side when it is on the screen, two frames later, once for each. */
export function usePainted(measuredAt: UnixMillis | undefined): void {
  const { platform } = useApp();
  const told = useRef<UnixMillis>(undefined);
  useEffect(() => {
    if (measuredAt === undefined || told.current === measuredAt) return;
    told.current = measuredAt;
    requestAnimationFrame(() => {
      requestAnimationFrame(() => {
        // A measurement: if nobody takes it, nothing is lost.
        platform.painted(measuredAt).catch(() => undefined);
      });
    });
  }, [platform, measuredAt]);
}
