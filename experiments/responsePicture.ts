/** Fig. 7 of the paper (arXiv:1512.03385): the responses of all layers, in their order above, from the largest to the smallest below. */
import type { ArmResult } from './experiment.ts';

interface Point {
  readonly run: string;
  readonly order: string;
  readonly layer: number;
  readonly std: number;
}

const [WIDTH, HEIGHT] = [800, 640];

/** An SVG document. */
export async function drawResponses(results: readonly ArmResult[]): Promise<string> {
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]); // large: only where it is used
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const runs = results.map((result) => ({
    name: curveName(result, results),
    std: result.responses?.map(({ std }) => std) ?? [],
  }));
  const points = runs.flatMap(({ name, std }) => [
    ...pointsOf(name, 'in their order', std),
    ...pointsOf(
      name,
      'sorted by size',
      [...std].sort((a, b) => b - a),
    ),
  ]);
  const picture = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 56,
    marginRight: 120,
    marginBottom: 48,
    style: { background: 'white', color: 'black', fontFamily: 'sans-serif', fontSize: '13px' },
    x: { label: 'layer', labelAnchor: 'center', labelArrow: 'none', grid: true },
    y: { label: 'standard deviation', labelAnchor: 'center', labelArrow: 'none', grid: true, zero: true },
    fy: { label: null },
    color: { domain: runs.map(({ name }) => name), scheme: 'Observable10', legend: false },
    marks: [
      Plot.ruleY([0]),
      Plot.line(points, { x: 'layer', y: 'std', stroke: 'run', fy: 'order', strokeWidth: 1.5 }),
      Plot.text(
        points,
        Plot.selectLast({ x: 'layer', y: 'std', z: 'run', text: 'run', fill: 'run', fy: 'order', dx: 6, textAnchor: 'start' }),
      ),
    ],
  });
  picture.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return `${picture.outerHTML}\n`;
}

/** The arm's name, with the seed where there are several. */
export function curveName({ name, seed }: ArmResult, all: readonly ArmResult[]): string {
  return all.some((other) => other.name === name && other.seed !== seed) ? `${name}, seed ${seed}` : name;
}

function pointsOf(run: string, order: string, std: readonly number[]): Point[] {
  return std.map((value, k) => ({ run, order, layer: k + 1, std: value }));
}
