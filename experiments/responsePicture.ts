/** Fig. 7 of the paper (arXiv:1512.03385): the responses of all layers, in their order above, from the largest to the smallest below. */
import type { ArmResult } from './experiment.ts';

interface Point {
  readonly run: string;
  readonly order: string;
  readonly layer: number;
  readonly std: number;
}

const [WIDTH, HEIGHT] = [800, 640];
const LINE_PIXELS = 18;

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
    marginRight: 140,
    marginBottom: 48,
    style: { background: 'white', color: 'black', fontFamily: 'sans-serif', fontSize: '13px' },
    x: { label: 'layer', labelAnchor: 'center', labelArrow: 'none', grid: true },
    // Untrained layers of a plain network may be ten times the others, all of which are near 1.
    y: { type: 'log', label: 'standard deviation', labelAnchor: 'center', labelArrow: 'none', grid: true, tickFormat: '' },
    fy: { axis: null },
    color: { domain: runs.map(({ name }) => name), scheme: 'Observable10' },
    marks: [
      Plot.frame({ stroke: '#ccc' }),
      Plot.line(points, { x: 'layer', y: 'std', z: 'run', stroke: 'run', fy: 'order', strokeWidth: 1.5 }),
      Plot.text(['in their order', 'sorted by size'], { fy: (order: string) => order, frameAnchor: 'top', dy: 8 }),
      ...runs.map((run, k) =>
        Plot.text([run], {
          text: 'name',
          fill: 'name',
          frameAnchor: 'top-right',
          textAnchor: 'start',
          dx: 8,
          dy: 8 + LINE_PIXELS * k,
        }),
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
