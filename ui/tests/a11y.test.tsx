/** axe on every screen in both themes. Contrast is checked on the tokens: jsdom paints nothing. */
import axe from "axe-core";
import { expect, test } from "vitest";
import { screen } from "@testing-library/react";
import { STATES, type MemoryState } from "../src/platform/memory";
import { openApp, settle } from "./app";

async function violations(): Promise<string[]> {
  const { violations } = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}

test.each(STATES.flatMap((state) => ["light", "dark"].map((theme): [MemoryState, string] => [state, theme])))(
  "%s, %s",
  async (state, theme) => {
    document.documentElement.dataset.theme = theme;
    await openApp(state);
    if (state === "loading") await new Promise((resolve) => setTimeout(resolve, 160));
    await settle();
    expect(await violations()).toEqual([]);
  },
);

test("a question over the window", async () => {
  const { user } = await openApp("notifications");
  await user.click(screen.getByRole("button", { name: "Clear all" }));
  expect(await violations()).toEqual([]);
});

test("an open menu", async () => {
  const { user } = await openApp("running");
  await user.click(screen.getByRole("button", { name: "Live" }));
  expect(await violations()).toEqual([]);
});
