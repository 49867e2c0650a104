/** Keys, presence, toasts, theme, and regions that fail. */
import { act, screen, within } from "@testing-library/react";
import { describe, expect, it, test, vi } from "vitest";
import { MemoryPlatform } from "../src/platform/memory";
import { COMPILER, people } from "../src/platform/memory/people";
import { openApp, push, settle } from "./app";

describe("keys", () => {
  it("N opens and closes the notifications, but not in a text field", async () => {
    const { user } = await openApp("running");
    await user.keyboard("n");
    expect(screen.getByRole("dialog", { name: "Notifications" })).toBeVisible();
    await user.keyboard("n");
    expect(screen.queryByRole("dialog")).toBeNull();
    await user.keyboard("/n");
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("Alt and the arrows go to the previous and next project", async () => {
    const { platform, user } = await openApp("running");
    await user.keyboard("{Alt>}{ArrowDown}{/Alt}");
    await settle();
    expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("language-server");
    await user.keyboard("{Alt>}{ArrowUp}{ArrowUp}{/Alt}");
    await settle();
    expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("compiler");
    expect(platform.calls.filter(({ method }) => method === "setViewing").map(({ args }) => args[0])).toEqual([
      COMPILER,
      "p-language-server",
      COMPILER,
    ]);
  });

  it("F6 goes round the regions, both ways", async () => {
    const { user } = await openApp("running");
    const names = [];
    for (let step = 0; step < 5; step++) {
      await user.keyboard("{F6}");
      names.push(document.activeElement?.getAttribute("aria-label"));
    }
    expect(names).toEqual(["Projects and people", "compiler, overview", "Activity", "Status", "Projects and people"]);
    await user.keyboard("{Shift>}{F6}{/Shift}");
    expect(document.activeElement).toHaveAttribute("aria-label", "Status");
  });

  it("Ctrl . cancels what runs", async () => {
    const { platform, user } = await openApp("running");
    await user.keyboard("{Control>}.{/Control}");
    expect(platform.calls).toContainEqual({ method: "cancelAnalysis", args: ["a-214"] });
  });

  it("the list of projects is one Tab stop", async () => {
    await openApp("running");
    const rows = within(screen.getByRole("navigation", { name: "Projects and people" })).getAllByRole("button");
    expect(rows.filter((row) => row.classList.contains("project-row") && row.tabIndex === 0)).toHaveLength(1);
  });
});

describe("people", () => {
  it("are shown with their state and what they look at", async () => {
    const { platform } = await openApp("running");
    const list = screen.getByRole("list", { name: "People" });
    expect(within(list).getAllByRole("listitem")[0]).toHaveTextContent("Inesonline, viewing Overview");
    expect(list).toHaveTextContent("away for 12 min");
    expect(list).toHaveTextContent("last seen 11:40");
    expect(screen.getByText("6 here")).toBeVisible();
    expect(screen.getByRole("img", { name: "Viewing: Ines, Priya, Tomas" })).toBeVisible();
    const gone = people(COMPILER).filter(({ name }) => name !== "ines");
    await push(platform, { kind: "people", project: COMPILER, people: gone });
    expect(screen.getByRole("img", { name: "Viewing: Priya, Tomas" })).toBeVisible();
  });
});

describe("projects", () => {
  test.each([
    [/^compiler\s*, analysis running\s*63/],
    [/^language-server\s*, last analysis failed\s*, 3 unread$/],
    [/^formatter$/],
  ])("are named with run and unread: %s", async (name) => {
    await openApp("running");
    expect(screen.getByRole("button", { name })).toBeVisible();
  });

  it("say what to do when there is none", async () => {
    await openApp("running", (platform) => {
      platform.snapshot = { ...platform.snapshot, projects: [] };
    });
    expect(screen.getByRole("heading", { name: "No project yet" })).toBeVisible();
  });
});

describe("toasts", () => {
  const notification = new MemoryPlatform("running").notificationList[0]?.notification;
  if (!notification) throw new Error("the data set has no notifications");
  const arrived = { kind: "arrived", notification, project_name: "language-server", shown: "toast" } as const;

  it("open the project they are about", async () => {
    const { platform, user } = await openApp("running");
    await push(platform, arrived);
    await user.click(screen.getByRole("button", { name: "Open" }));
    await settle();
    expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("language-server");
  });

  it("stay at most three at once", async () => {
    const { platform } = await openApp("running");
    await push(platform, arrived, arrived, arrived, arrived, arrived);
    expect(document.querySelectorAll(".toast")).toHaveLength(3);
  });

  it("leave after 6 s, but not while the pointer is on them", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    try {
      const { platform } = await openApp("running");
      act(() => {
        platform.push(arrived);
      });
      const shown = () => document.querySelectorAll('.toast[data-state="open"]').length;
      act(() => {
        vi.advanceTimersByTime(5_900);
      });
      expect(shown()).toBe(1);
      act(() => {
        document.querySelector(".toast")?.dispatchEvent(new MouseEvent("pointermove", { bubbles: true }));
        vi.advanceTimersByTime(10_000);
      });
      expect(shown()).toBe(1);
      act(() => {
        document.querySelector(".toasts")?.parentElement?.dispatchEvent(new MouseEvent("pointerleave"));
        vi.advanceTimersByTime(200);
      });
      expect(shown()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("say what the server refused", async () => {
    const { platform } = await openApp("running");
    const error = { code: "conflict", message: "The analysis has ended." } as const;
    await push(platform, { kind: "refused", command: "c-1", name: "analysis:cancel", error });
    expect(document.querySelector(".toast")).toHaveTextContent(
      "The analysis could not be cancelledThe analysis has ended.",
    );
  });
});

it("a clicked popup opens what it is about", async () => {
  const { platform } = await openApp("running");
  act(() => {
    platform.send({ from: "open", value: { kind: "project", project: "p-registry" } });
  });
  await settle();
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("registry");
});

it("the theme is chosen at one's own row and remembered", async () => {
  const { user } = await openApp("running");
  await user.click(screen.getByRole("button", { name: /^Maya\s*Online/ }));
  await user.click(screen.getByRole("menuitemradio", { name: "Dark" }));
  expect(document.documentElement.dataset.theme).toBe("dark");
  expect(localStorage.getItem("watchbell.theme")).toBe("dark");
});

it("a region that fails leaves the others alone and can be tried again", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const { platform, user } = await openApp("running");
  await push(platform, { kind: "activity", project: COMPILER, entries: [{ id: "broken" } as never] });
  expect(screen.getByRole("alert")).toHaveTextContent("Activity could not be shown.");
  expect(screen.getByRole("region", { name: "Analysis 214" })).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(screen.getByRole("alert")).toBeVisible();
  log.mockRestore();
});
