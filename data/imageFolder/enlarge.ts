/**
 * Bilinear enlarging, pixel centres on pixel centres: output x lies at (x + 1/2) width / enlarged - 1/2 of the source. libvips is used for
 * reducing only, because its enlarging is half an output pixel off, and here only what a piece needs has to be decoded.
 */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/** Along one axis: the source pixels a piece needs, and where between which two of them each of its pixels lies. */
export interface Axis extends Span {
  /** Offsets from `start`. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** Of the pixel after. */
  readonly weight: Float64Array;
}

export function axisFor(source: number, enlarged: number, piece: Span): Axis {
  const places = Array.from({ length: piece.length }, (_, k) => ((piece.start + k + 0.5) * source) / enlarged - 0.5);
  const inside = (at: number): number => Math.min(source - 1, Math.max(0, at));
  const start = inside(Math.floor(places[0]!));
  const length = inside(Math.floor(places.at(-1)!) + 1) - start + 1;
  return {
    start,
    length,
    before: Int32Array.from(places, (at) => inside(Math.floor(at)) - start),
    after: Int32Array.from(places, (at) => inside(Math.floor(at) + 1) - start),
    weight: Float64Array.from(places, (at) => at - Math.floor(at)),
  };
}

/** `bytes` are three channels, pixel by pixel, of the rows and columns the axes need. */
export function enlarge(bytes: Uint8Array, rows: Axis, columns: Axis): Uint8Array {
  const [height, width] = [rows.weight.length, columns.weight.length];
  const out = new Uint8ClampedArray(3 * height * width); // rounds
  let to = 0;
  for (let y = 0; y < height; y++) {
    const [upper, lower] = [3 * columns.length * rows.before[y]!, 3 * columns.length * rows.after[y]!];
    const down = rows.weight[y]!;
    for (let x = 0; x < width; x++) {
      const [left, right, along] = [3 * columns.before[x]!, 3 * columns.after[x]!, columns.weight[x]!];
      for (let channel = 0; channel < 3; channel++) {
        const above = bytes[upper + left + channel]! * (1 - along) + bytes[upper + right + channel]! * along;
        const below = bytes[lower + left + channel]! * (1 - along) + bytes[lower + right + channel]! * along;
        out[to++] = above + (below - above) * down;
      }
    }
  }
  return new Uint8Array(out.buffer);
}
