import { useEffect } from "react";
import { SignIn } from "./features/sign-in/SignIn";
import { Shell } from "./features/shell/Shell";
import { AppContext, useAppState, type App as AppHand } from "./hooks/context";
import { followSystemTheme } from "./lib/theme";
import { ErrorBoundary } from "./primitives/ErrorBoundary";
import { TipProvider } from "./primitives/Tip";

export function App({ app }: { app: AppHand }) {
  useEffect(() => followSystemTheme(), []);
  return (
    <AppContext value={app}>
      <TipProvider delayDuration={400} skipDelayDuration={200}>
        <ErrorBoundary region="The window">
          <Screen />
        </ErrorBoundary>
      </TipProvider>
    </AppContext>
  );
}

/** Nothing until the first snapshot, which comes within milliseconds: an empty frame is calmer than a flash. */
function Screen() {
  const ready = useAppState((state) => state.ready);
  const session = useAppState((state) => state.session);
  if (!ready) return null;
  return session.kind === "signed_in" ? (
    <Shell key={`${session.address} ${session.user}`} />
  ) : (
    <SignIn session={session} />
  );
}
