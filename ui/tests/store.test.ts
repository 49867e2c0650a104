import { expect, it } from "vitest";
import type { ProjectView } from "../src/generated/ProjectView";
import { MemoryPlatform } from "../src/platform/memory";
import { COMPILER } from "../src/platform/memory/people";
import { AppStore } from "../src/store/store";

it("what is pushed while a pull is under way is not lost under its older answer", async () => {
  const platform = new MemoryPlatform("running");
  const older = platform.views.get(COMPILER) as ProjectView;
  let answer: (view: ProjectView) => void = () => undefined;
  platform.project = () => new Promise((resolve) => (answer = resolve));
  const store = new AppStore(platform);
  await store.start();

  const pull = store.pull(COMPILER);
  platform.push({ kind: "people", project: COMPILER, people: [] });
  platform.push({ kind: "people", project: "p-registry", people: older.people });
  answer(older);
  await pull;

  expect(store.state.getState().views[COMPILER]?.people).toEqual([]);
  expect(store.state.getState().views["p-registry"]).toBeUndefined();
});

it("nothing is recorded any more after a pull that failed", async () => {
  const platform = new MemoryPlatform("running");
  platform.failures.set("project", { message: "The cache cannot be read." });
  const store = new AppStore(platform);
  await store.start();
  await expect(store.pull(COMPILER)).rejects.toMatchObject({ message: "The cache cannot be read." });
});
