/** What jsdom has not: sizes, media queries, dialogs. Everything else is the browser's. */
import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";

// The whole document in an error hides what was looked for.
configure({ getElementError: (message) => new Error(message?.split("\n")[0]) });

/** The width that media queries see. */
export const windowSize = { width: 1280 };

function matches(query: string): boolean {
  const min = /min-width: (\d+)px/.exec(query)?.[1];
  return min !== undefined && windowSize.width >= Number(min);
}

// What axe would measure colours with.
HTMLCanvasElement.prototype.getContext = () => null;
vi.stubGlobal("matchMedia", (query: string) => ({
  matches: matches(query),
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
}));
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);

// A virtual list draws as many rows as fit into this.
const LIST_HEIGHT = 280;
const isList = (element: Element) => element.classList.contains("virtual");
Object.defineProperties(HTMLElement.prototype, {
  clientHeight: {
    get(this: HTMLElement) {
      return isList(this) ? LIST_HEIGHT : 0;
    },
  },
  scrollHeight: {
    get(this: HTMLElement) {
      return isList(this) ? Number.parseFloat((this.firstElementChild as HTMLElement).style.height) : 0;
    },
  },
  offsetHeight: { get: () => 28 },
  offsetWidth: { get: () => 600 },
  scrollTo: {
    writable: true,
    value(this: HTMLElement, to: ScrollToOptions) {
      this.scrollTop = to.top ?? 0;
      this.dispatchEvent(new Event("scroll"));
    },
  },
  scrollIntoView: { value: () => undefined },
  hasPointerCapture: { value: () => false },
});

HTMLDialogElement.prototype.showModal = function () {
  this.open = true;
  this.querySelector<HTMLElement>("button")?.focus();
};
HTMLDialogElement.prototype.close = function () {
  this.open = false;
  this.dispatchEvent(new Event("close"));
};

beforeEach(() => {
  windowSize.width = 1280;
  localStorage.clear();
  document.documentElement.dataset.theme = "light";
});
afterEach(cleanup);
