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

/** Straight edges from tips on the unit circle to notches on the inner one: the distance from the line of the edge nearby. */
function star(x: number, y: number, tips: number, inner: number): number {
  const sector = (2 * Math.PI) / tips;
  const angle = Math.atan2(y, x);
  const fromTip = Math.abs(angle - Math.round(angle / sector) * sector);
  const [edgeX, edgeY] = [inner * Math.cos(sector / 2) - 1, inner * Math.sin(sector / 2)];
  const [toX, toY] = [Math.hypot(x, y) * Math.cos(fromTip) - 1, Math.hypot(x, y) * Math.sin(fromTip)];
  return (toX * edgeY - toY * edgeX) / Math.hypot(edgeX, edgeY);
}

export const SHAPES: readonly ShapeKind[] = [
  { name: 'disc', distance: (x, y) => disc(x, y, 0.9) },
  { name: 'ring', distance: (x, y) => without(disc(x, y, 1), disc(x, y, 0.58)) },
  { name: 'square', distance: (x, y) => box(x, y, 0.7, 0.7) },
  { name: 'frame', distance: (x, y) => without(box(x, y, 0.7, 0.7), box(x, y, 0.38, 0.38)) },
  { name: 'triangle', distance: (x, y) => polygon(x, y, 3) },
  { name: 'cross', distance: (x, y) => Math.min(box(x, y, 0.94, 0.26), box(x, y, 0.26, 0.94)) },
  { name: 'star', distance: (x, y) => star(x, y, 5, 0.42) },
  { name: 'crescent', distance: (x, y) => without(disc(x, y, 1), disc(x - 0.5, y, 0.72)) },
  { name: 'bars', distance: (x, y) => Math.min(box(x, y, 0.8, 0.15), box(x, y - 0.52, 0.8, 0.15), box(x, y + 0.52, 0.8, 0.15)) },
  { name: 'checker', distance: (x, y) => Math.min(box(x - 0.36, y - 0.36, 0.34, 0.34), box(x + 0.36, y + 0.36, 0.34, 0.34)) },
];
