/**
 * The ten shapes as signed distances: negative inside, 0 on the edge, about the distance outside. Coordinates are such that every
 * shape fits into the unit circle.
 */
export interface ShapeKind {
  readonly name: string;
  readonly distance: (x: number, y: number) => number;
}

const disc = (x: number, y: number, radius: number): number => Math.hypot(x, y) - radius;
const box = (x: number, y: number, halfWidth: number, halfHeight: number): number =>
  Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);
/** In one but not in the other. */
const without = (one: number, other: number): number => Math.max(one, -other);

/** A regular polygon with `corners` corners on the unit circle. */
function polygon(x: number, y: number, corners: number): number {
  const sector = (2 * Math.PI) / corners;
  const angle = Math.atan2(y, x);
  const within = angle - Math.round(angle / sector) * sector;
  return Math.hypot(x, y) * Math.cos(within) - Math.cos(sector / 2);
}

/** Upright bars at -0.62, 0 and 0.62. */
const bars = (along: number, across: number): number =>
  Math.min(box(along, across, 0.13, 0.8), box(along - 0.62, across, 0.13, 0.62), box(along + 0.62, across, 0.13, 0.62));
const plus = (x: number, y: number): number => Math.min(box(x, y, 0.94, 0.22), box(x, y, 0.22, 0.94));

export const SHAPES: readonly ShapeKind[] = [
  { name: 'disc', distance: (x, y) => disc(x, y, 0.9) },
  { name: 'ring', distance: (x, y) => without(disc(x, y, 1), disc(x, y, 0.58)) },
  { name: 'square', distance: (x, y) => box(x, y, 0.7, 0.7) },
  { name: 'triangle', distance: (x, y) => polygon(x, y, 3) },
  { name: 'cross', distance: plus },
  { name: 'saltire', distance: (x, y) => plus((x + y) * Math.SQRT1_2, (y - x) * Math.SQRT1_2) },
  { name: 'rows', distance: (x, y) => bars(y, x) },
  { name: 'columns', distance: (x, y) => bars(x, y) },
  { name: 'board', distance: (x, y) => Math.min(box(x - 0.36, y - 0.36, 0.34, 0.34), box(x + 0.36, y + 0.36, 0.34, 0.34)) },
  { name: 'dots', distance: (x, y) => disc(Math.abs(x) - 0.5, Math.abs(y) - 0.5, 0.3) },
];
