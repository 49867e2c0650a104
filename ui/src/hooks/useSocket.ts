import type { Connection } from "../generated/Connection";
import { useApp, useAppState } from "./context";

export interface Socket {
  /** Absent while nobody is signed in. */
  connection: Connection | undefined;
  connect: () => Promise<void>;
  disconnect: () => Promise<void>;
  retryNow: () => Promise<void>;
}

/** The connection, and the hand on it. The Rust side holds the socket; this asks it. */
export function useSocket(): Socket {
  const { platform } = useApp();
  const connection = useAppState((state) => state.connection);
  return {
    connection,
    connect: () => platform.connect(),
    disconnect: () => platform.disconnect(),
    retryNow: () => platform.retryNow(),
  };
}
