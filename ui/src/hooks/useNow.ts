import { useEffect, useState } from "react";
import { now } from "../lib/clock";

/** The time, read again at this pace (milliseconds). */
export function useNow(every: number): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => {
      setTime(now());
    }, every);
    return () => {
      clearInterval(timer);
    };
  }, [every]);
  return time;
}
