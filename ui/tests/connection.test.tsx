import { screen, within } from "@testing-library/react";
import { describe, expect, it, test } from "vitest";
import type { Connection } from "../src/generated/Connection";
import { now } from "../src/lib/clock";
import { today } from "../src/platform/memory/people";
import { act } from "@testing-library/react";
import { openApp, push, settle } from "./app";

const status = () => screen.getByRole("contentinfo", { name: "Status" });
const since = today("14:02");

describe("offline", () => {
  it("says since when, what waits, and when it is tried again", async () => {
    await openApp("offline");
    const banner = screen.getByRole("alert");
    expect(banner).toHaveTextContent("Offline since 14:02 — showing what was saved; 2 actions waiting");
    expect(banner.parentElement).toHaveTextContent(/Next try in [78] s/);
    expect(status()).toHaveTextContent(/Offline since 14:02Next try in [78] s2 actions waitingSaved at 14:02/);
  });

  it("nothing pretends to be live", async () => {
    await openApp("offline");
    const run = screen.getByRole("region", { name: "Analysis 214" });
    expect(run).toHaveTextContent("at 14:02, when the connection was lost");
    expect(run).toHaveTextContent("Time left is not known while offline");
    expect(run.querySelector(".progress")).toHaveClass("stale");
    expect(screen.getByRole("row", { name: /jscpd/ })).toHaveTextContent("Not known");
    expect(screen.getByRole("button", { name: "Cancel analysis" })).toBeDisabled();
    expect(screen.queryByRole("img", { name: /^Viewing/ })).toBeNull();
    const people = screen.getByRole("list", { name: "People" });
    expect(within(people).getAllByText("seen at 14:02")).toHaveLength(6);
    expect(screen.getByText("as of 14:02")).toBeVisible();
  });

  it("is tried again at once, and the banner stays while it is", async () => {
    const { platform, user } = await openApp("offline");
    await user.click(screen.getByRole("button", { name: "Retry now" }));
    expect(platform.calls).toContainEqual({ method: "retryNow", args: [] });
    expect(screen.getByRole("alert")).toHaveTextContent("Offline since 14:02");
    await push(platform, {
      kind: "connection",
      connection: { state: { kind: "live", since }, waiting: 0, latency_ms: 9 },
    });
    expect(screen.queryByRole("alert")).toBeNull();
    expect(status()).toHaveTextContent("Live9 ms");
  });
});

describe("the status bar says where the connection stands", () => {
  const cases: [string, Connection["state"], string, string | null][] = [
    ["the first attempt", { kind: "connecting" }, "Connecting", null],
    ["another attempt", { kind: "connecting", offline_since: since }, "Connecting", "Offline since 14:02"],
    ["catching up", { kind: "catching_up", done: 1, of: 3 }, "Catching up, 1 of 3", null],
    ["disconnected", { kind: "disconnected", since }, "Disconnected by you", "Disconnected by you"],
    [
      "signed out there",
      { kind: "sign_in_needed", reason: "Revoked." },
      "Signed out by the server",
      "Signed out by the server",
    ],
  ];
  it("says so when no WebSocket gets through, and only then", async () => {
    const { platform } = await openApp("running");
    for (const [transport, detail] of [
      ["long_poll", "Live9 ms, by long-poll"],
      ["websocket", "Live9 ms"],
    ] as const) {
      const connection: Connection = { state: { kind: "live", since }, transport, waiting: 0, latency_ms: 9 };
      await push(platform, { kind: "connection", connection });
      expect(status().textContent.startsWith(detail)).toBe(true);
      expect(status().textContent.includes("long-poll")).toBe(transport === "long_poll");
    }
  });

  test.each(cases)("%s", async (_, state, label, banner) => {
    const { platform } = await openApp("running");
    await push(platform, { kind: "connection", connection: { state, waiting: 0, saved_at: since } });
    expect(within(status()).getByRole("button", { name: label })).toBeVisible();
    const alert = screen.queryByRole("alert");
    if (banner === null) expect(alert).toBeNull();
    else expect(alert).toHaveTextContent(banner);
  });
});

it("the connection can be ended and begun by hand", async () => {
  const { platform, user } = await openApp("running");
  await user.click(within(status()).getByRole("button", { name: "Live" }));
  await user.click(screen.getByRole("menuitem", { name: "Disconnect" }));
  await settle();
  expect(screen.getByRole("alert")).toHaveTextContent("Disconnected by you — showing what was saved");
  await user.click(screen.getByRole("button", { name: "Connect" }));
  await settle();
  expect(platform.calls.map(({ method }) => method)).toContain("connect");
  expect(screen.queryByRole("alert")).toBeNull();
});

it("the test popup says what really happened", async () => {
  const { user } = await openApp("running");
  await user.click(within(status()).getByRole("button", { name: "Popups on" }));
  await user.click(screen.getByRole("menuitem", { name: "Test popup" }));
  await settle();
  expect(screen.getAllByText("There is no notification service in a browser.").length).toBeGreaterThan(0);
});

it("popups that are off are seen at the bell and in the status bar", async () => {
  const { platform } = await openApp("running");
  act(() => {
    platform.send({ from: "popups", value: { kind: "off", reason: "No notification service answers." } });
  });
  expect(within(status()).getByRole("button", { name: "Popups off" })).toBeVisible();
});

it("a countdown follows the clock", async () => {
  const { platform } = await openApp("offline");
  const state = { kind: "offline", since, next_try_at: now() - 5_000, reason: "" } as const;
  await push(platform, { kind: "connection", connection: { state, waiting: 0 } });
  expect(status()).toHaveTextContent("Trying now");
});
