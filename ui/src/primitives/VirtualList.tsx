/**
 * Draws only the rows that are seen. Rows may differ in height: they are measured. The caller decides what a row is
 * and gives it its role; `children` gets the ref and the style that place it.
 */
import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { useEffect, useImperativeHandle, useRef, type CSSProperties, type ReactNode, type Ref } from "react";

export interface VirtualListHandle {
  scrollTo: (index: number) => void;
  element: HTMLDivElement | null;
}

export interface RowPlace {
  index: number;
  ref: (element: HTMLElement | null) => void;
  style: CSSProperties;
}

interface VirtualListProps {
  count: number;
  /** The height of a row before it is measured. */
  rowHeight: number;
  keyOf: (index: number) => string;
  className: string;
  /** Attributes of the element that scrolls. */
  scroller?: React.HTMLAttributes<HTMLDivElement>;
  /** The rows drawn, first and last. */
  onRange?: (first: number, last: number) => void;
  handle?: Ref<VirtualListHandle>;
  children: (place: RowPlace) => ReactNode;
}

const OVERSCAN = 8;

export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, keyOf, className, scroller, onRange, handle, children } = props;
  const element = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => element.current,
    estimateSize: () => rowHeight,
    getItemKey: keyOf,
    overscan: OVERSCAN,
  });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    onRange?.(first, last);
  }, [onRange, first, last]);
  useImperativeHandle(handle, () => ({
    scrollTo: (index) => {
      virtual.scrollToIndex(index);
    },
    get element() {
      return element.current;
    },
  }));
  return (
    <div {...scroller} ref={element} className={`${className} virtual`}>
      <div className="virtual-rows" role="presentation" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => children(place(item, virtual.measureElement)))}
      </div>
    </div>
  );
}

function place(item: VirtualItem, ref: (element: HTMLElement | null) => void): RowPlace {
  return { index: item.index, ref, style: { transform: `translateY(${item.start}px)` } };
}
