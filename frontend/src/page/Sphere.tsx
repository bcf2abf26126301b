/** The Bloch sphere at the time of the cursor: isochromats of a voxel, their mean, and one of them by itself. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Kinds } from "../engine/pulses";
import type { Sequence } from "../engine/sequence";
import type { Voxels } from "../engine/voxels";
import type { Look } from "./Curves";
import { offsets, type Spin, spinsOf } from "./spins";
import { ms } from "./text";

const N_SPINS = 48;
const TRAIL = 40;

interface Props {
  sequence: Sequence;
  voxel: Voxels;
  look: Look;
  kinds: Kinds;
  cursor: number;
  playing: boolean;
  toggle: () => void;
}

export function Sphere({ sequence, voxel, look, kinds, cursor, playing, toggle }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState({ turn: -0.6, tilt: 0.35 });
  const [one, setOne] = useState(false);
  const offset = useMemo(() => (one ? Float64Array.of(0) : offsets(voxel, N_SPINS)), [voxel, one]);
  const spins = useMemo(() => spinsOf(sequence, voxel, offset, kinds), [sequence, voxel, offset, kinds]);
  useEffect(() => {
    if (!canvas.current) return;
    const trail = Array.from({ length: TRAIL }, (_, at) => mean(spins((cursor * (at + 1)) / TRAIL)));
    draw(canvas.current, spins(cursor), trail, look.colour, view);
  }, [spins, cursor, look, view]);
  const rotate = (event: PointerEvent) => {
    if (!(event.buttons & 1)) return;
    setView(({ turn, tilt }) => ({
      turn: turn + event.movementX / 120,
      tilt: Math.min(1.4, Math.max(-1.4, tilt + event.movementY / 120)),
    }));
  };
  return (
    <div class="sphere">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Bloch sphere of ${look.name} at ${ms(cursor)}`}
        onPointerMove={rotate}
      />
      <div class="controls">
        <button type="button" onClick={toggle} aria-pressed={playing}>
          {playing ? "Pause" : "Play"}
        </button>
        <label>
          <input type="checkbox" checked={one} onChange={() => setOne(!one)} /> one isochromat
        </label>
        <span class="note">{ms(cursor)}</span>
      </div>
    </div>
  );
}

function mean(spins: Spin[]): Spin {
  const total = { x: 0, y: 0, z: 0 };
  for (const { x, y, z } of spins) {
    total.x += x / spins.length;
    total.y += y / spins.length;
    total.z += z / spins.length;
  }
  return total;
}

function draw(
  canvas: HTMLCanvasElement,
  spins: Spin[],
  trail: Spin[],
  colour: string,
  view: { turn: number; tilt: number },
): void {
  const size = canvas.clientWidth;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = size * ratio;
  canvas.height = size * ratio;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.scale(ratio, ratio);
  const ink = getComputedStyle(canvas).color;
  const [centre, radius] = [size / 2, 0.4 * size];
  const project = ({ x, y, z }: Spin): [number, number] => {
    const [cos, sin] = [Math.cos(view.turn), Math.sin(view.turn)];
    const [across, away] = [cos * x - sin * y, sin * x + cos * y];
    return [
      centre + radius * across,
      centre - radius * (Math.cos(view.tilt) * z + Math.sin(view.tilt) * away),
    ];
  };
  const line = (points: Spin[], style: string, width: number, alpha: number) => {
    context.globalAlpha = alpha;
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    points.forEach((point, at) => {
      const [x, y] = project(point);
      if (at) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    context.stroke();
  };
  const circle = (point: (angle: number) => Spin) =>
    Array.from({ length: 65 }, (_, at) => point((at * Math.PI) / 32));
  line(
    circle((a) => ({ x: Math.cos(a), y: Math.sin(a), z: 0 })),
    ink,
    1,
    0.35,
  );
  line(
    circle((a) => ({ x: Math.cos(a), y: 0, z: Math.sin(a) })),
    ink,
    1,
    0.12,
  );
  line(
    circle((a) => ({ x: 0, y: Math.cos(a), z: Math.sin(a) })),
    ink,
    1,
    0.12,
  );
  context.globalAlpha = 0.25;
  context.beginPath();
  context.arc(centre, centre, radius, 0, 2 * Math.PI);
  context.stroke();
  const origin = { x: 0, y: 0, z: 0 };
  const axes: [string, Spin][] = [
    ["x", { x: 1.12, y: 0, z: 0 }],
    ["y", { x: 0, y: 1.12, z: 0 }],
    ["z", { x: 0, y: 0, z: 1.12 }],
  ];
  context.font = "12px system-ui, sans-serif";
  for (const [name, end] of axes) {
    line([origin, end], ink, 1, 0.3);
    context.globalAlpha = 0.7;
    context.fillStyle = ink;
    const [x, y] = project(end);
    context.fillText(name, x + 3, y - 3);
  }
  for (const spin of spins) line([origin, spin], colour, 1, spins.length > 1 ? 0.35 : 0);
  line(trail, colour, 1.5, 0.6);
  line([origin, mean(spins)], colour, 4, 1);
  context.globalAlpha = 1;
}
