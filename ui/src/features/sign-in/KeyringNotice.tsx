import { useState } from "react";
import { useSession } from "../../hooks/useSession";
import { asAppError } from "../../lib/error";
import { Icon } from "../../primitives/Icon";

/** Says that the sign-in cannot be kept, and why; nothing when it can. */
export function KeyringNotice() {
  const { keyring, lookForKeyring } = useSession();
  const [failure, setFailure] = useState<string>();
  if (keyring === "kept" || keyring === "empty") return null;
  const look = () => {
    setFailure(undefined);
    lookForKeyring().catch((reason: unknown) => {
      setFailure(asAppError(reason).message);
    });
  };
  const what =
    keyring === "absent" ? "No keyring was found on this computer." : "The keyring is locked or does not answer.";
  return (
    <div className="callout warn" role="status">
      <Icon name="key" />
      <span>
        <b>{what}</b> You can sign in now, and you will be asked again after you quit.{" "}
        <button type="button" className="link" onClick={look}>
          Look again
        </button>
        {failure !== undefined && <span className="callout-more">{failure}</span>}
      </span>
    </div>
  );
}
