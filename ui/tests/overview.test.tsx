import { act, screen, within } from "@testing-library/react";
import { describe, expect, it, test, vi } from "vitest";
import { analysis, progress } from "../src/platform/memory/analysis";
import { COMPILER } from "../src/platform/memory/people";
import { openApp, push, settle } from "./app";

const detector = (name: RegExp) => within(screen.getByRole("table", { name: "Detectors" })).getByRole("row", { name });

describe("a running analysis", () => {
  it("shows share, time left, counts, caption and detectors", async () => {
    await openApp("running");
    const run = screen.getByRole("region", { name: "Analysis 214" });
    expect(run).toHaveTextContent("63%about 1 min left");
    expect(run).toHaveTextContent("Analysis 214, started by Ines at 14:00 on runner forge-2");
    expect(run).toHaveTextContent("7 of 11 detectors done, usually takes 2 min 50 s");
    expect(within(run).getByRole("group", { name: "Issues by severity" })).toHaveTextContent("2421319");
    expect(screen.getByRole("progressbar", { name: "clippy, 71\u2009%" })).toHaveAttribute("aria-valuenow", "71");
    expect(screen.getByRole("progressbar", { name: "jscpd, Working" })).not.toHaveAttribute("aria-valuenow");
    expect(detector(/hadolint/)).toHaveTextContent("Skipped: no Dockerfile");
    expect(detector(/markdownlint/)).toHaveTextContent("Waiting");
    expect(detector(/clippy/)).toHaveTextContent("1:48 / 2:32");
  });

  it("never goes back in the window, and shows 100 only at the end", async () => {
    const { platform } = await openApp("running");
    const bar = () => screen.getByRole("progressbar", { name: /^Analysis 214/ }).getAttribute("aria-valuenow");
    const send = (percent: number, measured_at: number) =>
      push(platform, { kind: "progress", project: COMPILER, progress: { ...progress(), percent, measured_at } });
    await send(80, 2e12);
    expect(bar()).toBe("80");
    await send(72, 3e12);
    expect(bar()).toBe("80");
    await send(100, 4e12);
    expect(bar()).toBe("99");
  });

  it("tells each progress once when it is on the screen", async () => {
    const { platform } = await openApp("running");
    const told = () => platform.calls.filter(({ method }) => method === "painted").map(({ args }) => args[0]);
    expect(new Set(told()).size).toBe(1);
    const count = told().length;
    await push(platform, { kind: "progress", project: COMPILER, progress: { ...progress(), measured_at: 2e12 } });
    await push(platform, { kind: "progress", project: COMPILER, progress: { ...progress(), measured_at: 2e12 } });
    expect(told().slice(count)).toEqual([2e12]);
  });

  it("is cancelled with one click, and says that it is stopping", async () => {
    const { platform, user } = await openApp("running");
    await user.click(screen.getByRole("button", { name: "Cancel analysis" }));
    expect(platform.calls).toContainEqual({ method: "cancelAnalysis", args: ["a-214"] });
    expect(screen.getByRole("button", { name: "Cancelling" })).toBeDisabled();
  });

  it("says the reason when it could not be cancelled", async () => {
    const { user } = await openApp("running", (platform) => {
      platform.failures.set("cancelAnalysis", { message: "It has ended already." });
    });
    await user.click(screen.getByRole("button", { name: "Cancel analysis" }));
    await settle();
    expect(screen.getAllByText("It has ended already.").length).toBeGreaterThan(0);
  });

  it("announces progress at most every 10 s, and its end at once", async () => {
    const { platform } = await openApp("running");
    const said = () => document.querySelector('[aria-live="polite"].sr')?.textContent;
    const first = said();
    await push(platform, {
      kind: "progress",
      project: COMPILER,
      progress: { ...progress(), percent: 70, measured_at: 2e12 },
    });
    expect(said()).toBe(first);
    await push(platform, { kind: "analysis", analysis: analysis("complete") });
    expect(said()).toBe("Analysis 214 finished, 74 issues");
  });
});

it("a finished analysis shows the total, the trend and how long it took", async () => {
  await openApp("done");
  const run = screen.getByRole("region", { name: "Analysis 214" });
  expect(run).toHaveTextContent("74issues");
  expect(run).toHaveTextContent("Analysis 214 finished at 14:03 in 2 min 46 s");
  expect(within(run).getByRole("img", { name: "Issues in the last 30 runs, from 96 to 74" })).toBeVisible();
  expect(screen.queryByRole("button", { name: /Cancel/ })).toBeNull();
});

it("a single run has no trend", async () => {
  await openApp("done", ({ views }) => {
    const view = views.get(COMPILER);
    if (view) views.set(COMPILER, { ...view, trend: [] });
  });
  expect(screen.queryByRole("img", { name: /last/ })).toBeNull();
});

it("a failed analysis says why and what is kept", async () => {
  await openApp("error");
  expect(screen.getByRole("alert")).toHaveTextContent(
    "Analysis 214 failed at 14:02. Runner forge-2 was lost. The 67 issues found so far are kept.",
  );
  expect(detector(/semgrep/)).toHaveTextContent("Exit 2, report cut off");
  expect(detector(/markdownlint/)).toHaveTextContent("Not started");
  expect(screen.getByText("Incomplete run")).toBeVisible();
});

it("a cancelled analysis says after how long", async () => {
  const { platform } = await openApp("running");
  await push(platform, {
    kind: "analysis",
    analysis: { ...analysis("failed"), state: "cancelled", reason: "by Maya" },
  });
  expect(screen.getByRole("region", { name: "Analysis 214" })).toHaveTextContent("cancelled after 1 min 48 s");
  expect(screen.queryByRole("alert")).toBeNull();
});

describe("without an analysis", () => {
  it("names the first step and copies the command", async () => {
    const { user } = await openApp("empty");
    expect(screen.getByRole("heading", { name: "No analysis yet" })).toBeVisible();
    expect(screen.getByText("watchbell analyze --project formatter")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Copy" }));
    expect(await navigator.clipboard.readText()).toBe("watchbell analyze --project formatter");
  });

  it("shows grey rows only after 150 ms", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      await openApp("loading");
      expect(document.querySelector(".skeleton")).toBeNull();
      act(() => {
        vi.advanceTimersByTime(151);
      });
      expect(document.querySelector(".skeleton")).not.toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it("says the reason when the project cannot be loaded, and tries again", async () => {
    const { platform, user } = await openApp("running", (platform) => {
      platform.failures.set("project", { message: "The cache cannot be read." });
    });
    expect(screen.getByText("The cache cannot be read.")).toBeVisible();
    platform.failures.clear();
    await user.click(screen.getByRole("button", { name: "Retry" }));
    await settle();
    expect(screen.getByRole("region", { name: "Analysis 214" })).toBeVisible();
  });

  it("does not claim that there is nothing while that is not known", async () => {
    await openApp("offline", ({ views }) => {
      const view = views.get(COMPILER);
      if (view) views.set(COMPILER, { ...view, known: false, analysis: undefined, progress: undefined });
    });
    expect(screen.getByRole("heading", { name: "Nothing saved yet" })).toBeVisible();
    expect(screen.queryByText("No analysis yet")).toBeNull();
  });
});

describe("activity", () => {
  it("tells what happened under the heads of the days", async () => {
    await openApp("done");
    const rail = screen.getByRole("complementary", { name: "Activity" });
    expect(
      within(rail)
        .getAllByRole("heading", { level: 3 })
        .map((head) => head.textContent),
    ).toEqual(["Today", "Yesterday"]);
    expect(rail).toHaveTextContent("Analysis 214 finished: 2 critical, 4 high, 74 issues in all");
    expect(rail).toHaveTextContent("Ines started analysis 214");
  });

  test.each([
    [1280, true],
    [1000, false],
  ])("at %d px its column is shown: %s", async (width, shown) => {
    const { windowSize } = await import("./setup");
    windowSize.width = width;
    const { user } = await openApp("running");
    const rail = () => screen.queryByRole("complementary", { name: "Activity" });
    expect(rail() !== null).toBe(shown);
    await user.click(screen.getByRole("button", { name: shown ? "Hide activity" : "Show activity" }));
    expect(rail() !== null).toBe(!shown);
  });
});
