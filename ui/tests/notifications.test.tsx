import { screen, within } from "@testing-library/react";
import { describe, expect, it, test } from "vitest";
import type { NotificationRow } from "../src/generated/NotificationRow";
import { openApp, push, settle } from "./app";

const panel = () => screen.getByRole("dialog", { name: "Notifications" });
const items = () => within(panel()).getAllByRole("listitem");
const item = (title: string) =>
  screen.getByRole("button", { name: new RegExp(title) }).closest("[role=listitem]") as HTMLElement;

test.each([
  [0, "Notifications, 0 unread", null],
  [1, "Notifications, 1 unread", "1"],
  [99, "Notifications, 99 unread", "99"],
  [100, "Notifications, 99+ unread", "99+"],
])("the bell with %d unread", async (unread, name, badge) => {
  const { platform } = await openApp("running");
  await push(platform, { kind: "notifications", unread });
  const bell = screen.getByRole("button", { name });
  expect(bell.querySelector(".badge")?.textContent ?? null).toBe(badge);
});

describe("the panel", () => {
  it("opens from the bell with the focus inside, and gives it back", async () => {
    const { user } = await openApp("running");
    const bell = screen.getByRole("button", { name: "Notifications, 7 unread" });
    await user.click(bell);
    await settle();
    expect(bell).toHaveAttribute("aria-expanded", "true");
    expect(panel()).toContainElement(document.activeElement as HTMLElement);
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(bell).toHaveFocus();
  });

  it("groups by day, newest first", async () => {
    await openApp("notifications");
    const heads = within(panel()).getAllByRole("heading", { level: 3 });
    expect(heads.map((head) => head.textContent)).toEqual(["Today", "Yesterday"]);
    expect(items()[0]).toHaveTextContent("Build 611 failed");
    expect(items()[0]).toHaveTextContent("language-server13:48");
  });

  it("shows only the unread ones when asked", async () => {
    const { user } = await openApp("notifications");
    await user.click(within(panel()).getByRole("button", { name: /^Unread 7/ }));
    await settle();
    expect(items()).toHaveLength(7);
    expect(screen.queryByText("Analysis 213 finished")).toBeNull();
  });

  it("marks read with a click, and goes where the notification leads", async () => {
    const { platform, user } = await openApp("notifications");
    await user.click(screen.getByRole("button", { name: /Priya replied/ }));
    await settle();
    expect(platform.calls).toContainEqual({ method: "markRead", args: [["n-8"]] });
    expect(screen.getByRole("button", { name: "Notifications, 6 unread" })).toBeVisible();
  });

  it("marks read with U, and moves with J", async () => {
    const { platform, user } = await openApp("notifications");
    await user.keyboard("ju");
    await settle();
    expect(platform.calls).toContainEqual({ method: "markRead", args: [["n-8"]] });
    expect(within(item("Priya replied")).queryByText(/Unread/)).toBeNull();
  });

  it("marks all read with Shift A, through what is known", async () => {
    const { platform, user } = await openApp("notifications");
    await user.keyboard("{Shift>}A{/Shift}");
    await settle();
    expect(platform.calls).toContainEqual({ method: "markAllRead", args: [9] });
    expect(screen.getByRole("button", { name: "Notifications, 0 unread" })).toBeVisible();
  });

  it("asks before clearing all, because it cannot be undone", async () => {
    const { platform, user } = await openApp("notifications");
    await user.click(screen.getByRole("button", { name: "Clear all" }));
    const question = screen.getByRole("alertdialog", { name: "Clear all notifications" });
    await user.click(within(question).getByRole("button", { name: "Keep" }));
    expect(platform.calls.some(({ method }) => method === "clearAll")).toBe(false);
    await user.click(screen.getByRole("button", { name: "Clear all" }));
    await user.click(within(screen.getByRole("alertdialog")).getByRole("button", { name: "Clear all" }));
    await settle();
    expect(platform.calls).toContainEqual({ method: "clearAll", args: [9] });
    expect(screen.getByText("Nothing to hear about yet")).toBeVisible();
  });

  it("pulls older pages as they are scrolled to", async () => {
    const { platform } = await openApp("notifications", (platform) => {
      const [row] = platform.notificationList as [NotificationRow];
      platform.notificationList = Array.from({ length: 120 }, (_, n) => ({
        ...row,
        notification: { ...row.notification, id: `m-${n}`, seq: 120 - n, title: `Number ${n}` },
      }));
    });
    const pages: (number | undefined)[] = [];
    const pull = platform.notifications.bind(platform);
    platform.notifications = (filter) => {
      pages.push(filter.before);
      return pull(filter);
    };
    const list = within(panel()).getByRole("list");
    list.scrollTo({ top: 40 * 28 });
    await settle();
    await settle();
    expect(pages).toContain(71);
  });

  it("says why the list could not be loaded", async () => {
    await openApp("notifications", (platform) => {
      platform.failures.set("notifications", { message: "The cache cannot be read." });
    });
    expect(within(panel()).getByRole("alert")).toHaveTextContent("The cache cannot be read.");
  });
});

describe("without a connection", () => {
  it("what was marked read here is read at once, and says that it waits", async () => {
    const { user } = await openApp("offline");
    await user.keyboard("n");
    await settle();
    expect(within(item("Build 611 failed")).getByText("Marked read, waiting to be sent")).toBeVisible();
    await user.click(within(item("Priya replied")).getByRole("button", { name: "Mark read" }));
    await settle();
    expect(within(item("Priya replied")).getByText("Marked read, waiting to be sent")).toBeVisible();
    expect(screen.getByRole("button", { name: "Notifications, 4 unread" })).toBeVisible();
  });

  it("the panel says of when it is", async () => {
    const { user } = await openApp("offline");
    await user.keyboard("n");
    await settle();
    expect(panel()).toHaveTextContent("Saved at 14:02The last 30 days are on this computer.");
  });
});
