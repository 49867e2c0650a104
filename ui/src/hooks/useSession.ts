import type { KeyringState } from "../generated/KeyringState";
import type { Session } from "../generated/Session";
import type { SignInForm } from "../platform/types";
import { useApp, useAppState } from "./context";

export interface SessionHand {
  session: Session;
  keyring: KeyringState;
  version: string;
  signIn: (form: SignInForm) => Promise<void>;
  signOut: () => Promise<void>;
  lookForKeyring: () => Promise<void>;
}

/** Who is signed in, and whether the operating system keeps it. */
export function useSession(): SessionHand {
  const { platform } = useApp();
  const session = useAppState((state) => state.session);
  const keyring = useAppState((state) => state.keyring);
  const version = useAppState((state) => state.version);
  return {
    session,
    keyring,
    version,
    signIn: (form) => platform.signIn(form),
    signOut: () => platform.signOut(),
    lookForKeyring: () => platform.lookForKeyring(),
  };
}
