/** Opens the whole window on the memory platform. */
import { act, render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { App } from "../src/App";
import { setClock } from "../src/lib/clock";
import { MemoryPlatform, type MemoryState } from "../src/platform/memory";
import { PRESENT, today } from "../src/platform/memory/people";
import { AppStore } from "../src/store/store";

export interface Opened {
  platform: MemoryPlatform;
  store: AppStore;
  user: UserEvent;
}

export async function openApp(state: MemoryState, before?: (platform: MemoryPlatform) => void): Promise<Opened> {
  setClock(today(PRESENT));
  const platform = new MemoryPlatform(state);
  before?.(platform);
  const store = new AppStore(platform);
  await store.start();
  render(<App app={{ platform, store }} />);
  await settle();
  return { platform, store, user: userEvent.setup() };
}

/** Lets everything that is due happen: pulls, effects, frames. */
export async function settle(): Promise<void> {
  await act(async () => {
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
  });
}

/** Pushes changes and lets them land. */
export async function push(platform: MemoryPlatform, ...changes: Parameters<MemoryPlatform["push"]>): Promise<void> {
  act(() => {
    platform.push(...changes);
  });
  await settle();
}
