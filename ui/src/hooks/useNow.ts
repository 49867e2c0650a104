import { useEffect, useReducer } from "react";
import { now } from "../lib/clock";

/** The time at this rendering, which is repeated at this pace (milliseconds). */
export function useNow(every: number): number {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(again, every);
    return () => {
      clearInterval(timer);
    };
  }, [every]);
  return now();
}
