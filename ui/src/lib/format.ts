/** Numbers, times and durations as they are written. Pure; the present is passed in. */
import type { TimeLeft } from "../generated/TimeLeft";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** "63 %" with a thin space, cut to a whole number so that it never claims more than is done. */
export function percent(value: number): string {
  return `${Math.floor(value)}\u2009%`;
}

/** "bell.example.com": an address without what is the same for all. */
export function shortAddress(address: string): string {
  return address.replace(/^https?:\/\//, "").replace(/\/$/, "");
}

/** "14:02" */
export function clock(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** "14:02" today, "Yesterday 16:20", then "12 Mar", with the year if it is another. */
export function when(at: number, now: number): string {
  switch (daysAgo(at, now)) {
    case 0:
      return clock(at);
    case 1:
      return `Yesterday ${clock(at)}`;
    default:
      return date(at, now);
  }
}

/** The head above a day's entries: "Today", "Yesterday", "12 Mar". */
export function dayHead(at: number, now: number): string {
  switch (daysAgo(at, now)) {
    case 0:
      return "Today";
    case 1:
      return "Yesterday";
    default:
      return date(at, now);
  }
}

/** A duration in a table: "0:09", "1:48", "1:02:03". */
export function tableDuration(ms: number): string {
  const seconds = Math.floor(ms / SECOND);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A duration in a sentence: "46 s", "2 min 50 s", "1 h 5 min". */
export function duration(ms: number): string {
  if (ms < SECOND) return "less than 1 s";
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** How long something has lasted, coarsely: "1 min", "12 min", "3 h", "2 days". */
export function lasting(ms: number): string {
  if (ms < HOUR) return `${Math.max(1, Math.floor(ms / MINUTE))} min`;
  if (ms < 24 * HOUR) return `${Math.floor(ms / HOUR)} h`;
  const days = Math.floor(ms / (24 * HOUR));
  return days === 1 ? "1 day" : `${days} days`;
}

/** "about 1 min left", "longer than usual", or nothing while it is not known. */
export function timeLeft(left: TimeLeft): string | undefined {
  switch (left.kind) {
    case "unknown":
      return undefined;
    case "overdue":
      return "longer than usual";
    case "about":
      return `${roughly(left.ms)} left`;
  }
}

/** "Next try in 8 s"; "Trying now" when it is due. */
export function nextTry(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / SECOND);
  return seconds > 0 ? `Next try in ${seconds} s` : "Trying now";
}

/** "1 action", "2 actions". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function roughly(ms: number): string {
  if (ms < 10 * SECOND) return "a few seconds";
  if (ms < 55 * SECOND) return `about ${Math.round(ms / (10 * SECOND)) * 10} s`;
  if (ms < 55 * MINUTE) return `about ${Math.max(1, Math.round(ms / MINUTE))} min`;
  return `about ${Math.round(ms / HOUR)} h`;
}

function date(at: number, now: number): string {
  const day = new Date(at);
  const text = `${day.getDate()} ${MONTHS[day.getMonth()] ?? ""}`;
  return day.getFullYear() === new Date(now).getFullYear() ? text : `${text} ${day.getFullYear()}`;
}

/** Whole calendar days between the two; days have 23 to 25 hours, so midnights are counted, not hours. */
function daysAgo(at: number, now: number): number {
  return Math.round((midnight(now) - midnight(at)) / (24 * HOUR));
}

function midnight(at: number): number {
  const day = new Date(at);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
