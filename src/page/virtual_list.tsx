/**
 * A list of rows of the same height, of which only those in sight are in the document.
 *
 * @module
 */

import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows around those in sight, so that a list that is scrolled shows no gaps. */
const MARGIN_ROWS = 8;
/** Rows on paper. */
const PAPER_ROWS = 300;

/** What a list shows. */
export interface VirtualListProps {
  readonly id: string;
  /** For those who do not see it. */
  readonly label: string;
  readonly count: number;
  /** Pixels. */
  readonly rowHeight: number;
  /** The row that is chosen; -1 for none. */
  readonly selected: number;
  readonly select: (index: number) => void;
  /** Enter, or a double click. */
  readonly open?: (index: number) => void;
  readonly className?: string;
  readonly isPrinting: boolean;
  readonly row: (index: number) => ComponentChildren;
}

/** A list box: arrows, Page Up and Down, Home and End choose a row. */
export function VirtualList(props: VirtualListProps): VNode {
  const { id, label, count, rowHeight, selected, select, open, isPrinting, row } = props;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setHeight(box.current!.clientHeight));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  // The row that is chosen comes into sight.
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null || selected < 0) return;
    const [from, to] = [selected * rowHeight, (selected + 1) * rowHeight];
    if (from < current.scrollTop) current.scrollTop = from;
    else if (to > current.scrollTop + current.clientHeight) {
      current.scrollTop = to - current.clientHeight;
    }
  }, [selected, count]);

  const room = isPrinting ? PAPER_ROWS : Math.ceil(height / rowHeight) + 2 * MARGIN_ROWS;
  const shown = Math.min(count, room);
  const above = isPrinting ? 0 : Math.floor(top / rowHeight) - MARGIN_ROWS;
  const first = Math.max(0, Math.min(count - shown, above));
  const end = first + shown;
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -count,
      End: count,
    };
    const step = steps[event.key];
    if (event.key === "Enter" && selected >= 0) open?.(selected);
    else if (step !== undefined && count > 0) {
      select(Math.max(0, Math.min(count - 1, (selected < 0 && step > 0 ? -1 : selected) + step)));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <div
        id={id}
        ref={box}
        class={`list ${props.className ?? ""}`}
        role="listbox"
        aria-label={label}
        aria-activedescendant={selected >= first && selected < end
          ? `${id}-${selected}`
          : undefined}
        tabIndex={0}
        onScroll={() => setTop(box.current!.scrollTop)}
        onKeyDown={onKeyDown}
      >
        <div
          class="rows"
          role="presentation"
          style={isPrinting ? {} : { height: `${count * rowHeight}px` }}
        >
          {Array.from({ length: shown }, (_, place) => {
            // A row that comes into sight takes the place of one that has left: only its texts change.
            const index = first + (place - first % shown + shown) % shown;
            return (
              <div
                key={place}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === selected}
                aria-posinset={index + 1}
                aria-setsize={count}
                class="row"
                style={isPrinting
                  ? {}
                  : { top: `${index * rowHeight}px`, height: `${rowHeight}px` }}
                onClick={() => select(index)}
                onDblClick={() => open?.(index)}
              >
                {row(index)}
              </div>
            );
          })}
        </div>
      </div>
      {isPrinting && count > end ? <p class="note">… and {count - end} more</p> : null}
    </>
  );
}
