/**
 * The search for a smallest failing case. A formula's axes belong together in ways that nobody told us (channels of the input and of the
 * weight), so several axes of one length are tried together as well as each alone; a formula that throws refuses the shapes.
 */
import type { Shape } from '../core/shape.ts';

interface Axis {
  readonly input: number;
  readonly axis: number;
}

/** Cases tried at most; inputs of the sizes that checks are made for need far fewer. */
const MAX_CASES = 1000;

/**
 * The smallest shapes, by repeated halving and cutting off, for which `find` still finds something, with what it found there. Only the
 * inputs for which `shrinks` is true change.
 */
export async function shrink<Found>(
  start: { readonly shapes: readonly Shape[]; readonly found: Found },
  shrinks: readonly boolean[],
  find: (shapes: readonly Shape[]) => Promise<Found | undefined>,
): Promise<{ readonly shapes: readonly Shape[]; readonly found: Found }> {
  let best = start;
  let left = MAX_CASES;
  const tried = new Set<string>();
  const firstThatFails = async (): Promise<typeof best | undefined> => {
    for (const shapes of smallerShapes(best.shapes, shrinks)) {
      const key = JSON.stringify(shapes);
      if (tried.has(key) || left-- <= 0) continue;
      tried.add(key);
      const found = await find(shapes);
      if (found !== undefined) return { shapes, found };
    }
    return undefined;
  };
  for (let next = await firstThatFails(); next !== undefined; next = await firstThatFails()) best = next;
  return best;
}

/** Every way to make some axes of one length shorter together: down to 1, by half, by one; the largest steps first. */
function* smallerShapes(shapes: readonly Shape[], shrinks: readonly boolean[]): Iterable<readonly Shape[]> {
  const groups = groupsOf(shapes, shrinks);
  const cuts = [() => 1, (length: number) => Math.floor(length / 2), (length: number) => length - 1];
  for (const cut of cuts) {
    for (const { length, axes } of groups) {
      const shorter = cut(length);
      if (shorter < 1) continue;
      yield shapes.map((shape, input) =>
        shape.map((own, axis) => (axes.some((each) => each.input === input && each.axis === axis) ? shorter : own)),
      );
    }
  }
}

/** Axes that may be cut together: all of one length, pairs of one length, each alone. */
function groupsOf(shapes: readonly Shape[], shrinks: readonly boolean[]): { readonly length: number; readonly axes: Axis[] }[] {
  const byLength = new Map<number, Axis[]>();
  shapes.forEach((shape, input) => {
    if (!shrinks[input]) return;
    for (const [axis, length] of shape.entries())
      if (length > 1) byLength.set(length, [...(byLength.get(length) ?? []), { input, axis }]);
  });
  return [...byLength].flatMap(([length, axes]) => {
    const pairs = axes.flatMap((a, k) => axes.slice(k + 1).map((b) => [a, b]));
    return [axes, ...pairs, ...axes.map((axis) => [axis])].map((group) => ({ length, axes: group }));
  });
}
