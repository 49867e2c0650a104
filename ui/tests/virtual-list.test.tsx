import { act, render, screen } from "@testing-library/react";
import { createRef } from "react";
import { expect, it } from "vitest";

import { VirtualList, type VirtualListHandle } from "../src/primitives/VirtualList";

function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => {
      resolve();
    });
  });
}

it("focuses the row that was wished for last, also while an earlier one is not drawn", async () => {
  const list = createRef<VirtualListHandle>();
  render(
    <VirtualList className="list" count={500} rowHeight={20} keyOf={String} handle={list}>
      {(place) => (
        <button key={place.index} ref={place.measure} style={place.style} data-index={place.index}>
          Row {place.index}
        </button>
      )}
    </VirtualList>,
  );
  await act(async () => {
    list.current?.focus(499);
    list.current?.focus(0);
    for (let frame = 0; frame < 3; frame += 1) await nextFrame();
  });
  expect(screen.getByRole("button", { name: "Row 0" })).toHaveFocus();
});
