/** Signal over b0 and b1, relative to b0 = 0, b1 = 1. */
import { useEffect, useRef } from "preact/hooks";
import type { Look } from "./Curves";
import type { Field } from "./measure";
import { trimmed } from "./text";

// Viridis at even steps.
const COLOURS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];
const TOP = 1.2; // of the colours

interface Props {
  fields: Field[];
  looks: Look[];
  b0: number[];
  b1: number[];
}

export function Robustness({ fields, looks, b0, b1 }: Props) {
  const ends = [b0, b1].map((axis) => [axis[0], axis[axis.length - 1]]);
  return (
    <div class="maps">
      {fields.map((field, tissue) => (
        <figure key={looks[tissue].name}>
          <figcaption style={{ "--tissue": looks[tissue].colour }}>
            <span class="dot">{looks[tissue].name}</span>
          </figcaption>
          <FieldMap field={field} label={`${looks[tissue].name}: mean error ${percent(field)}`} />
          <p class="note">mean error {percent(field)}</p>
        </figure>
      ))}
      <p class="note wide">
        across: b0 {trimmed(ends[0][0], 1).replace("-", "−")} to {trimmed(ends[0][1], 1)} Hz; up: b1{" "}
        {trimmed(ends[1][0], 2)} to {trimmed(ends[1][1], 2)}
        <span class="scale" aria-hidden="true" /> 0 to {TOP}
        {" of that at b0 = 0, b1 = 1"}
      </p>
    </div>
  );
}

function FieldMap({ field, label }: { field: Field; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const n = Math.round(Math.sqrt(field.relative.length));
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(n, n);
    field.relative.forEach((value, at) => {
      const [column, row] = [Math.floor(at / n), n - 1 - (at % n)];
      const place = 4 * (row * n + column);
      paint(image.data, place, value / TOP);
    });
    context.putImageData(image, 0, 0);
  }, [field, n]);
  return <canvas ref={canvas} width={n} height={n} role="img" aria-label={label} />;
}

function percent(field: Field): string {
  return Number.isFinite(field.error) ? `${(100 * field.error).toFixed(1)} %` : "none: no signal";
}

function paint(data: Uint8ClampedArray, at: number, part: number): void {
  const place = Math.min(1, Math.max(0, part || 0)) * (COLOURS.length - 1);
  const below = Math.min(Math.floor(place), COLOURS.length - 2);
  for (let channel = 0; channel < 3; channel++) {
    const [low, high] = [COLOURS[below][channel], COLOURS[below + 1][channel]];
    data[at + channel] = low + (place - below) * (high - low);
  }
  data[at + 3] = 255;
}
