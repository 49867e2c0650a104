import { fireEvent, screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Issue } from "../src/generated/Issue";
import { ANALYSIS, analysis } from "../src/platform/memory/analysis";
import { MemoryPlatform } from "../src/platform/memory";
import { issues } from "../src/platform/memory/issues";
import { openApp, push, settle } from "./app";

const grid = () => screen.getByRole("grid", { name: "Issues" });
const rows = () => within(grid()).getAllByRole("row");
const { counts } = analysis("running");

/** Four more, one of them worse than all others. */
async function find(platform: MemoryPlatform): Promise<void> {
  const more = { ...counts, critical: counts.critical + 1, low: counts.low + 3 };
  platform.issueList = issues(more);
  await push(platform, { kind: "issues", analysis: ANALYSIS, counts: more });
}

describe("the list", () => {
  it("says how many there are and draws only what is seen", async () => {
    await openApp("running");
    expect(grid()).toHaveAttribute("aria-rowcount", "67");
    expect(rows().length).toBeLessThan(30);
    expect(rows()[0]).toHaveTextContent(
      "GitHub token found in a test fixturesecretlint/githubtests/fixtures/registry/auth.toml:4",
    );
    expect(within(rows()[0] as HTMLElement).getByRole("img", { name: "critical" })).toBeVisible();
  });

  it("pulls a page only when it is seen, also of 10,000", async () => {
    const pulled: number[] = [];
    await openApp("running", (platform) => {
      const [one] = platform.issueList as [Issue];
      platform.issueList = Array.from({ length: 10_000 }, (_, n) => ({ ...one, fingerprint: `f${n}`, line: n + 1 }));
      const pull = platform.issues.bind(platform);
      platform.issues = (...args) => {
        pulled.push(args[2]);
        return pull(...args);
      };
    });
    expect(new Set(pulled)).toEqual(new Set([0]));
    Object.defineProperty(grid(), "scrollTop", { value: 5000 * 28, configurable: true });
    fireEvent.scroll(grid());
    await settle();
    expect(new Set(pulled)).toEqual(new Set([0, 4900, 5000]));
    expect(within(grid()).getByText("auth.toml:5001")).toBeVisible();
  });

  it("shows new rows at once when nobody is in it", async () => {
    const { platform } = await openApp("running");
    await find(platform);
    expect(grid()).toHaveAttribute("aria-rowcount", "71");
    expect(screen.queryByText(/Show .* more/)).toBeNull();
  });

  it("says so when nothing matches, and when it cannot be loaded", async () => {
    const { platform, user } = await openApp("running");
    await user.keyboard("/");
    await user.type(screen.getByRole("searchbox", { name: "Search issues" }), "nowhere");
    await settle();
    expect(screen.getByText("No issue matches")).toBeVisible();
    platform.failures.set("issues", { message: "The cache cannot be read." });
    await user.type(screen.getByRole("searchbox", { name: "Search issues" }), "!");
    await settle();
    expect(screen.getByRole("alert")).toHaveTextContent("The issues could not be loaded. The cache cannot be read.");
  });
});

describe("while somebody is in the list", () => {
  it("new rows are held back and counted, and come when they are asked for", async () => {
    const { platform, user } = await openApp("running");
    await user.hover(grid());
    const first = rows()[1]?.textContent;
    await find(platform);
    expect(rows()[1]?.textContent).toBe(first);
    expect(grid()).toHaveAttribute("aria-rowcount", "67");
    fireEvent.click(screen.getByRole("button", { name: "Show 4 more" }));
    await settle();
    expect(grid()).toHaveAttribute("aria-rowcount", "71");
    expect(screen.queryByText(/Show .* more/)).toBeNull();
  });

  it("they come by themselves when the pointer leaves", async () => {
    const { platform, user } = await openApp("running");
    await user.hover(grid());
    await find(platform);
    await user.unhover(grid());
    await settle();
    expect(grid()).toHaveAttribute("aria-rowcount", "71");
  });

  it("another filter begins anew: nothing is held back that nobody looks at", async () => {
    const { platform, user } = await openApp("running");
    grid().scrollTop = 280;
    fireEvent.scroll(grid());
    await user.click(screen.getByRole("button", { name: "low 31" }));
    await settle();
    await find(platform);
    expect(grid()).toHaveAttribute("aria-rowcount", "34");
  });

  it("the focus or being scrolled away holds them back too", async () => {
    const { platform } = await openApp("running");
    rows()[0]?.focus();
    await find(platform);
    expect(screen.getByRole("button", { name: "Show 4 more" })).toBeVisible();
  });
});

it("a row that is looked at stays where it is when rows above it arrive with a later page", async () => {
  const numbered = (from: number) => (_: unknown, n: number) => ({
    ...first,
    fingerprint: `f${from + n}`,
    line: from + n,
  });
  const [first] = issues(counts) as [Issue];
  const { platform } = await openApp("running", (platform) => {
    platform.issueList = Array.from({ length: 1000 }, numbered(1));
  });
  const scrolled: unknown[] = [];
  grid().scrollTop = 280;
  fireEvent.scroll(grid());
  await settle();
  platform.issueList = [...Array.from({ length: 3 }, numbered(5001)), ...platform.issueList];
  await push(platform, { kind: "issues", analysis: ANALYSIS, counts });
  expect(screen.getByRole("button", { name: "Show 3 more" })).toBeVisible();
  grid().scrollTo = (...to: unknown[]) => void scrolled.push(to[0]);
  grid().scrollTop = 95 * 28;
  fireEvent.scroll(grid());
  await settle();
  expect(scrolled).toContainEqual(expect.objectContaining({ top: (95 + 3) * 28 }));
});

describe("finding one's way", () => {
  it("filters by severity, several at once, and back", async () => {
    const { user } = await openApp("running");
    await user.click(screen.getByRole("button", { name: "critical 2" }));
    await settle();
    expect(grid()).toHaveAttribute("aria-rowcount", "2");
    await user.click(screen.getByRole("button", { name: "high 4" }));
    await settle();
    expect(grid()).toHaveAttribute("aria-rowcount", "6");
    await user.click(screen.getByRole("button", { name: "All 67" }));
    await settle();
    expect(grid()).toHaveAttribute("aria-rowcount", "67");
  });

  it("searches message, rule and path after /, and Esc ends it", async () => {
    const { user } = await openApp("running");
    await user.keyboard("/");
    await user.keyboard("exhaustive");
    await settle();
    expect(grid()).toHaveAttribute("aria-rowcount", "2");
    await user.keyboard("{Escape}");
    await settle();
    expect(grid()).toHaveAttribute("aria-rowcount", "67");
    expect(screen.queryByRole("searchbox")).toBeNull();
  });

  it("moves with J, K and the arrows from one Tab stop, and Enter opens the rule", async () => {
    const { platform, user } = await openApp("running");
    const stops = () => rows().filter((row) => row.tabIndex === 0);
    expect(stops()).toHaveLength(1);
    rows()[0]?.focus();
    await user.keyboard("jj{ArrowDown}k");
    await settle();
    expect(document.activeElement).toHaveAttribute("aria-rowindex", "3");
    expect(stops()).toHaveLength(1);
    await user.keyboard("{End}");
    await settle();
    await user.keyboard("{Home}jjjjjjj");
    await settle();
    await user.keyboard("{Enter}");
    expect(document.activeElement).toHaveAttribute("aria-selected", "true");
    expect(platform.calls).toContainEqual({ method: "openUrl", args: ["https://www.shellcheck.net/wiki/SC2086"] });
  });
});
