/** Voxels as columns of numbers, in SI units. */

export const PROPERTIES = ["m0", "t1", "t2", "t2Prime", "b1", "b0", "spread"] as const;
export type Property = (typeof PROPERTIES)[number];

/** m0 [a.u.], t1, t2, t2Prime [s], b1 relative to nominal, b0 and spread [Hz]; tissue is an index. */
export type Voxels = Record<Property, Float64Array> & { tissue: Int32Array };

/** Those of some tissues only. */
export function ofTissues(voxels: Voxels, tissues: number[]): Voxels {
  const places = [...voxels.tissue.keys()].filter((at) => tissues.includes(voxels.tissue[at]));
  return mapColumns(voxels, (column) => Float64Array.from(places, (at) => column[at]), places);
}

/** Every voxel so many times in a row. */
export function repeated(voxels: Voxels, times: number): Voxels {
  const places = Array.from({ length: voxels.m0.length * times }, (_, at) => Math.floor(at / times));
  return mapColumns(voxels, (column) => Float64Array.from(places, (at) => column[at]), places);
}

/** One tissue's voxel at each pair of b0 [Hz], which adds to its own, and b1, b1 varying fastest. */
export function fieldGrid(voxel: Voxels, b0: Float64Array, b1: Float64Array): Voxels {
  const grid = repeated(voxel, b0.length * b1.length);
  for (let at = 0; at < grid.b0.length; at++) {
    grid.b0[at] += b0[Math.floor(at / b1.length)];
    grid.b1[at] = b1[at % b1.length];
  }
  return grid;
}

function mapColumns(
  voxels: Voxels,
  chosen: (column: Float64Array) => Float64Array,
  places: number[],
): Voxels {
  const columns = PROPERTIES.map((name) => [name, chosen(voxels[name])]);
  return { ...Object.fromEntries(columns), tissue: Int32Array.from(places, (at) => voxels.tissue[at]) };
}

/** The first part of each tissue's voxels: of a Sobol sequence these are as even as all. */
export function somePart(voxels: Voxels, every: number): Voxels {
  const counts = new Map<number, number>();
  for (const tissue of voxels.tissue) counts.set(tissue, (counts.get(tissue) ?? 0) + 1);
  const met = new Map<number, number>();
  const places = [...voxels.tissue.keys()].filter((at) => {
    const tissue = voxels.tissue[at];
    const before = met.get(tissue) ?? 0;
    met.set(tissue, before + 1);
    return before * every < (counts.get(tissue) as number);
  });
  return mapColumns(voxels, (column) => Float64Array.from(places, (at) => column[at]), places);
}
