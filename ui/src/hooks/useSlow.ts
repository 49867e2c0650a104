import { useEffect, useState } from "react";

/** Waiting shorter than this is not noticed, so nothing is drawn for it. */
const AFTER_MS = 150;

/** True once this view has waited long enough for its skeleton to be a help. */
export function useSlow(): boolean {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSlow(true);
    }, AFTER_MS);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return slow;
}
