/** The Bloch sphere at the time of the cursor: isochromats of a voxel, their mean, and one of them by itself. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Kinds } from "../engine/pulses";
import type { Sequence } from "../engine/sequence";
import type { Voxels } from "../engine/voxels";
import type { Look } from "./Curves";
import { meanOf, offsets, type Spin, type Spins, spinsOf } from "./spins";
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
    const trail = Array.from({ length: TRAIL }, (_, at) => meanOf(spins((cursor * (at + 1)) / TRAIL)));
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

interface View {
  turn: number;
  tilt: number;
}

const ORIGIN = { x: 0, y: 0, z: 0 };
const AXES: [string, Spin][] = [
  ["x", { x: 1.12, y: 0, z: 0 }],
  ["y", { x: 0, y: 1.12, z: 0 }],
  ["z", { x: 0, y: 0, z: 1.12 }],
];
const CIRCLES: [number, (cos: number, sin: number) => Spin][] = [
  [0.35, (x, y) => ({ x, y, z: 0 })],
  [0.12, (x, z) => ({ x, y: 0, z })],
  [0.12, (y, z) => ({ x: 0, y, z })],
];

function draw(canvas: HTMLCanvasElement, spins: Spins, trail: Spin[], colour: string, view: View): void {
  const size = canvas.clientWidth;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(size * ratio)) canvas.width = canvas.height = Math.round(size * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size, size);
  const place = projection(size, view);
  drawSphere(context, size, place, getComputedStyle(canvas).color);
  if (spins.x.length > 1) fan(context, spins, place, colour);
  line(context, trail.map(place), colour, 1.5, 0.6);
  line(context, [ORIGIN, meanOf(spins)].map(place), colour, 4, 1);
}

type Place = (spin: Spin) => [number, number];

/** Where a vector ends on a canvas of a size, seen from the side and a little from above. */
function projection(size: number, { turn, tilt }: View): Place {
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const [up, over] = [Math.cos(tilt), Math.sin(tilt)];
  return ({ x, y, z }) => {
    const [across, away] = [cos * x - sin * y, sin * x + cos * y];
    return [size / 2 + 0.4 * size * across, size / 2 - 0.4 * size * (up * z + over * away)];
  };
}

function drawSphere(context: CanvasRenderingContext2D, size: number, place: Place, ink: string): void {
  for (const [alpha, point] of CIRCLES) {
    const angles = Array.from({ length: 65 }, (_, at) => (at * Math.PI) / 32);
    const points = angles.map((angle) => place(point(Math.cos(angle), Math.sin(angle))));
    line(context, points, ink, 1, alpha);
  }
  context.globalAlpha = 0.25;
  context.beginPath();
  context.arc(size / 2, size / 2, 0.4 * size, 0, 2 * Math.PI);
  context.stroke();
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = ink;
  for (const [name, end] of AXES) {
    line(context, [ORIGIN, end].map(place), ink, 1, 0.3);
    const [x, y] = place(end);
    context.globalAlpha = 0.7;
    context.fillText(name, x + 3, y - 3);
  }
}

/** All spins as one path, which takes a fifth of the time of as many. */
function fan(context: CanvasRenderingContext2D, { x, y, z }: Spins, place: Place, style: string): void {
  context.globalAlpha = 0.35;
  context.strokeStyle = style;
  context.lineWidth = 1;
  context.beginPath();
  for (let at = 0; at < x.length; at++) {
    context.moveTo(...place(ORIGIN));
    context.lineTo(...place({ x: x[at], y: y[at], z: z[at] }));
  }
  context.stroke();
}

function line(
  context: CanvasRenderingContext2D,
  points: [number, number][],
  style: string,
  width: number,
  alpha: number,
): void {
  context.globalAlpha = alpha;
  context.strokeStyle = style;
  context.lineWidth = width;
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
}
