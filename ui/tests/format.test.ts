import { describe, expect, it, test } from "vitest";
import {
  dayHead,
  duration,
  lasting,
  nextTry,
  percent,
  plural,
  shortAddress,
  tableDuration,
  timeLeft,
  when,
} from "../src/lib/format";

const at = (text: string) => new Date(text).getTime();
const NOW = at("2026-03-14T14:02:00");

test.each([
  ["2026-03-14T14:01:00", "14:01", "Today"],
  ["2026-03-14T00:00:00", "00:00", "Today"],
  ["2026-03-13T23:59:59", "Yesterday 23:59", "Yesterday"],
  ["2026-03-12T16:20:00", "12 Mar", "12 Mar"],
  ["2025-12-31T09:00:00", "31 Dec 2025", "31 Dec 2025"],
])("%s is written %s under %s", (text, written, head) => {
  expect(when(at(text), NOW)).toBe(written);
  expect(dayHead(at(text), NOW)).toBe(head);
});

test.each([
  ["https://bell.example.com/", "bell.example.com"],
  ["http://127.0.0.1:7077/", "127.0.0.1:7077"],
  ["bell.example.com", "bell.example.com"],
])("%s is shown as %s", (address, shown) => {
  expect(shortAddress(address)).toBe(shown);
});

describe("durations", () => {
  test.each([
    [0, "0:00", "less than 1 s"],
    [9_400, "0:09", "9 s"],
    [108_000, "1:48", "1 min 48 s"],
    [170_000, "2:50", "2 min 50 s"],
    [180_000, "3:00", "3 min"],
    [3_723_000, "1:02:03", "1 h 2 min"],
  ])("%d ms", (ms, table, sentence) => {
    expect(tableDuration(ms)).toBe(table);
    expect(duration(ms)).toBe(sentence);
  });

  test.each([
    [20_000, "1 min"],
    [12 * 60_000, "12 min"],
    [3 * 3_600_000, "3 h"],
    [49 * 3_600_000, "2 days"],
  ])("%d ms last %s", (ms, text) => {
    expect(lasting(ms)).toBe(text);
  });
});

describe("time left", () => {
  test.each([
    [4_000, "a few seconds left"],
    [38_000, "about 40 s left"],
    [62_000, "about 1 min left"],
    [200_000, "about 3 min left"],
    [4_000_000, "about 1 h left"],
  ])("%d ms is %s", (ms, text) => {
    expect(timeLeft({ kind: "about", ms, p80_ms: ms })).toBe(text);
  });

  it("is left out while unknown and never invented when overdue", () => {
    expect(timeLeft({ kind: "unknown" })).toBeUndefined();
    expect(timeLeft({ kind: "overdue" })).toBe("longer than usual");
  });
});

it("cuts shares so that they never claim more than is done", () => {
  expect(percent(63.96)).toBe("63\u2009%");
  expect(percent(99.9)).toBe("99\u2009%");
});

it("counts down to the next try", () => {
  expect(nextTry(NOW + 7_200, NOW)).toBe("Next try in 8 s");
  expect(nextTry(NOW - 1, NOW)).toBe("Trying now");
});

it("knows one from many", () => {
  expect(plural(1, "action")).toBe("1 action");
  expect(plural(2, "action")).toBe("2 actions");
});
