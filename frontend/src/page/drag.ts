/** Handles that are dragged with a pointer or moved with the arrow keys, told to assistive software as sliders. */
import type { SVGAttributes } from "preact";

export interface Handle {
  label: string;
  value: number;
  low: number;
  high: number;
  text: string;
  /** By one press of an arrow key; with Shift ten times that. */
  step: number;
  /** New value at a pointer moved by (dx, dy) pixels from where it took hold, at (x, y) of the page. */
  moved: (from: number, dx: number, dy: number, event: PointerEvent) => number;
  change: (value: number, gesture: string) => void;
  begin?: () => void;
  end?: () => void;
}

let gestures = 0;

/** Attributes of the element that is the handle. */
export function handleProps(handle: Handle): SVGAttributes<SVGGElement> {
  const { label, value, low, high, text } = handle;
  return {
    role: "slider",
    tabindex: 0, // as an attribute of SVG it is written small
    class: "handle",
    "aria-label": label,
    "aria-valuemin": round(low),
    "aria-valuemax": round(high),
    "aria-valuenow": round(value),
    "aria-valuetext": text,
    onPointerDown: (event) => drag(event as unknown as PointerEvent, handle),
    onKeyDown: (event) => press(event as unknown as KeyboardEvent, handle),
  };
}

function drag(event: PointerEvent, handle: Handle): void {
  if (event.button !== 0) return;
  event.preventDefault();
  const element = event.currentTarget as SVGGElement;
  element.focus({ preventScroll: true });
  element.setPointerCapture(event.pointerId);
  handle.begin?.();
  const gesture = `drag ${++gestures}`;
  const { clientX, clientY } = event;
  const move = (next: PointerEvent) =>
    handle.change(handle.moved(handle.value, next.clientX - clientX, next.clientY - clientY, next), gesture);
  const end = () => {
    element.removeEventListener("pointermove", move);
    handle.end?.();
  };
  element.addEventListener("pointermove", move);
  element.addEventListener("lostpointercapture", end, { once: true });
}

function press(event: KeyboardEvent, handle: Handle): void {
  const signs: Record<string, number> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 };
  const sign = signs[event.key];
  if (!sign) return;
  event.preventDefault();
  const by = sign * handle.step * (event.shiftKey ? 10 : 1);
  handle.change(handle.value + by, `keys ${handle.label}`);
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
