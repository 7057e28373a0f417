/** Training curves: the names at their ends can be read. */
import { describe, expect, it, vi } from 'vitest';
import type { EpochRecord } from '../../training/index.ts';
import { drawCurves } from '../../training/index.ts';

const record = (epoch: number, trainError: number): EpochRecord => ({
  epoch,
  step: 10 * epoch,
  trainLoss: 1,
  trainError,
  seconds: 1,
  imagesPerSecond: 1,
  learningRate: 0.1,
  heldOut: null,
});

/** Vertical place of each name, in pixels from above. */
async function placesOf(errors: readonly number[]): Promise<number[]> {
  const curves = errors.map((error, k) => ({ name: `run${k}`, history: [record(1, 0.9), record(2, error)] }));
  const svg = await drawCurves(curves);
  return curves.map(({ name }) => Number(new RegExp(`translate\\([\\d.]+,([\\d.]+)\\)"[^>]*>${name}<`).exec(svg)![1]));
}

it('curves of one epoch are drawn without a warning', async () => {
  const warn = vi.spyOn(console, 'warn');
  const curves = ['a', 'b'].map((name) => ({ name, history: [record(1, 0.5)] }));
  expect(await drawCurves(curves)).not.toContain('warning');
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

it('curves beyond the colours are dashed, and say so behind their names', async () => {
  const draw = (count: number): Promise<string> =>
    drawCurves(Array.from({ length: count }, (_, k) => ({ name: `run${k}`, history: [record(1, 0.9), record(2, k / count)] })));
  const [ten, twelve] = [await draw(10), await draw(12)];
  expect(ten).not.toMatch(/stroke-dasharray|- -/);
  expect([...twelve.matchAll(/stroke-dasharray="6,? ?3"/g)].length).toBe(1);
  expect([...twelve.matchAll(/>run(\d+) - -</g)].map(([, k]) => k).sort()).toEqual(['10', '11']);
});

describe('names of curves', () => {
  it('stand at their ends where there is room', async () => {
    const [high, low] = await placesOf([0.1, 0.5]);
    expect(high! - low!).toBeGreaterThan(150);
  });
  it.each([[[0.2, 0.2, 0.2, 0.21]], [[0, 0, 0]], [[0.9, 0.9, 0.9, 0.9, 0.89]]])('of %j are a line apart', async (errors) => {
    const places = (await placesOf(errors)).sort((a, b) => a - b);
    for (const [k, place] of places.slice(1).entries()) expect(place - places[k]!).toBeGreaterThan(13);
    expect(places[0]).toBeGreaterThan(0);
    expect(places.at(-1)).toBeLessThan(480 - 48 + 1);
  });
});
