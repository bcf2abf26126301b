/** Voxels as `sequence_search.page.data` writes them. */
import { PROPERTIES, type Voxels } from "./voxels";

export type PackedVoxels = Record<keyof Voxels, string>;

export function readVoxels(packed: PackedVoxels): Voxels {
  const columns = PROPERTIES.map((name) => [name, new Float64Array(bytes(packed[name]))]);
  return { ...Object.fromEntries(columns), tissue: new Int32Array(bytes(packed.tissue)) };
}

function bytes(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
}
