/** Holds the state, feeds it, and pulls what is not pushed. Made once per window. */
import { createStore, type StoreApi } from "zustand/vanilla";
import type { ProjectId } from "../generated/ProjectId";
import type { Platform } from "../platform/types";
import { apply, type StoreChange } from "./apply";
import { NOTHING_YET, type AppState } from "./state";

export class AppStore {
  readonly state: StoreApi<AppState> = createStore(() => NOTHING_YET);
  /** Changes that come while a pull is under way, once per pull. */
  readonly #recordings = new Set<StoreChange[]>();

  constructor(private readonly platform: Platform) {}

  /** Begins the stream of changes. Returns the way to end it. */
  async start(): Promise<() => void> {
    return this.platform.subscribe((changes) => {
      this.#dispatch(changes);
    });
  }

  /**
   * Pulls a project. What is pushed meanwhile may be newer than the answer, so it is applied again on top of it; all
   * changes carry whole values, so twice is as good as once.
   */
  async pull(project: ProjectId): Promise<void> {
    const meanwhile: StoreChange[] = [];
    this.#recordings.add(meanwhile);
    try {
      const view = await this.platform.project(project);
      this.#apply([{ from: "pulled", value: view }, ...meanwhile.filter((change) => isOf(change, project))]);
    } finally {
      this.#recordings.delete(meanwhile);
    }
  }

  #dispatch(changes: StoreChange[]): void {
    for (const recording of this.#recordings) recording.push(...changes);
    this.#apply(changes);
  }

  #apply(changes: StoreChange[]): void {
    this.state.setState((state) => apply(state, changes), true);
  }
}

function isOf(change: StoreChange, project: ProjectId): boolean {
  if (change.from !== "client") return false;
  switch (change.value.kind) {
    case "people":
    case "progress":
    case "activity":
      return change.value.project === project;
    case "analysis":
      return change.value.analysis.project === project;
    default:
      return false;
  }
}
