/**
 * Draws only the rows that are seen. Rows may differ in height: they are measured. The caller decides what a row is
 * and gives it its role; `children` gets the ref and the style that place it.
 */
import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import {
  useEffect,
  useImperativeHandle,
  useRef,
  type CSSProperties,
  type ReactNode,
  type Ref,
  type RefObject,
} from "react";

export interface VirtualListHandle {
  scrollTo: (index: number) => void;
  /** Scrolls by as many rows of the usual height. */
  scrollByRows: (rows: number) => void;
  /** Brings a row into view and focuses it, or what `within` it matches. */
  focus: (index: number, within?: string) => void;
}

export interface RowPlace {
  index: number;
  /** To be the ref of the row's element, which also has `data-index`. */
  measure: (element: HTMLElement | null) => void;
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
/** Frames that a row may take to be drawn after a scroll. */
const FRAMES = 10;

export function VirtualList(props: VirtualListProps) {
  const { count, rowHeight, keyOf, className, scroller, onRange, handle, children } = props;
  const element = useRef<HTMLDivElement>(null);
  /** How often a row was to be focused. */
  const wish = useRef(0);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => element.current,
    estimateSize: () => rowHeight,
    getItemKey: keyOf,
    overscan: OVERSCAN,
    // Rows are drawn with the rest of a change, not in a render of their own.
    useFlushSync: false,
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
    scrollByRows: (rows) => {
      virtual.scrollBy(rows * rowHeight);
    },
    focus: (index, within = "") => {
      virtual.scrollToIndex(index);
      wish.current += 1;
      const mine = wish.current;
      // The newest wish counts: an earlier one may still wait for its row.
      focusSoon(element, `[data-index="${index}"] ${within}`, () => wish.current === mine);
    },
  }));
  return (
    <div tabIndex={-1} {...scroller} ref={element} className={`${className} virtual`}>
      <div className="virtual-rows" role="presentation" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => children(place(item, virtual.measureElement)))}
      </div>
    </div>
  );
}

function place(item: VirtualItem, measure: (element: HTMLElement | null) => void): RowPlace {
  return { index: item.index, measure, style: { transform: `translateY(${item.start}px)` } };
}

function focusSoon(
  list: RefObject<HTMLElement | null>,
  selector: string,
  isWanted: () => boolean,
  frames = FRAMES,
): void {
  const target = list.current?.querySelector<HTMLElement>(selector);
  if (target) target.focus({ preventScroll: true });
  else if (frames > 0) {
    // The row that has the focus may be taken away by the scroll: the list keeps the keys until the next one is there.
    list.current?.focus({ preventScroll: true });
    requestAnimationFrame(() => {
      if (isWanted()) focusSoon(list, selector, isWanted, frames - 1);
    });
  }
}
