/**
 * The formulas that docs/tour.md sets off and no source has, computed from their text: each against numbers found in another way, by
 * differences where it is a derivative.
 */
import { evaluate, type Values } from './evaluate.ts';

interface Compared {
  readonly actual: number;
  readonly expected: number;
}

/** What a block of formulas gives beside what it should give. Throws for a block that nothing here knows. */
export function compared(block: string): Compared[] {
  const known = CHECKS.find(({ begins }) => block.trimStart().startsWith(begins));
  if (known === undefined) throw new Error(`no check in tests/tour/formulas.ts knows the formulas\n${block}`);
  return known.check(assignments(block), block);
}

type Assignment = readonly [name: string, formula: string];

/** `name = formula` of every line; two spaces end a formula, and a comma does. */
function assignments(block: string): Assignment[] {
  return [...block.matchAll(/([^\s,][^=,\n]*?) = (.+?)(?= {2}|,|$)/gm)].map(
    ([, name, formula]) => [name!.trim(), formula!] as const,
  );
}

const CHECKS: readonly {
  readonly begins: string;
  readonly check: (formulas: readonly Assignment[], block: string) => Compared[];
}[] = [
  { begins: 'z = a + b', check: backwards },
  { begins: 'm1 =', check: winograd },
  { begins: '[1  0 -1  0]', check: (_, block) => winogradMatrices(block) },
  { begins: 'directly', check: terms },
  { begins: 'dx = gamma', check: together },
  { begins: 'dx = dy +', check: residual },
];

/** z = x y + tanh(x): the steps stand latest first, each with the derivatives that it passes back. */
function backwards(formulas: readonly Assignment[]): Compared[] {
  const [x, y] = [0.7, -1.3];
  const z = (x: number, y: number): number => x * y + Math.tanh(x);
  const values: Values = { x, y, tanh: Math.tanh, dz: 1 };
  const isForward = ([name]: Assignment): boolean => !name.startsWith('d');
  const order = [...formulas.filter(isForward).reverse(), ...formulas.filter((each) => !isForward(each))];
  for (const [name, formula] of order) values[name] = evaluate(formula, values);
  return [
    { actual: evaluate('z', values), expected: z(x, y) },
    { actual: evaluate('dx', values), expected: slope((at) => z(at, y), x) },
    { actual: evaluate('dy', values), expected: slope((at) => z(x, at), y) },
  ];
}

const [D, G] = [
  [0.3, -1.1, 0.8, 2],
  [0.6, 1.7, -0.4],
] as const;

/** The outputs of a filter of three taps G over D, as its formula has them. */
const FILTERED = [D[0] * G[0] + D[1] * G[1] + D[2] * G[2], D[1] * G[0] + D[2] * G[1] + D[3] * G[2]] as const;

function winograd(formulas: readonly Assignment[]): Compared[] {
  const values: Values = { d0: D[0], d1: D[1], d2: D[2], d3: D[3], g0: G[0], g1: G[1], g2: G[2] };
  const products = formulas.filter(([name]) => name.startsWith('m'));
  for (const [name, formula] of [...products, ...formulas.filter(([name]) => name.startsWith('y'))])
    values[name] = evaluate(formula, values);
  return FILTERED.map((expected, k) => ({ actual: evaluate(`y${k}`, values), expected }));
}

/** B^T, G and A^T side by side, a row of each on a line: y = A^T [(G g) . (B^T d)]. */
function winogradMatrices(block: string): Compared[] {
  const lines = block.trimEnd().split('\n');
  const rows = lines.map((line) => [...line.matchAll(/\[(.+?)\]/g)].map(([, row]) => numbers(row!)));
  const matrix = (k: number): number[][] => rows.flatMap((row) => (row[k] === undefined ? [] : [row[k]]));
  const [points, values] = [times(matrix(0), D), times(matrix(1), G)];
  const outputs = times(
    matrix(2),
    points.map((point, k) => point * values[k]!),
  );
  return FILTERED.map((expected, k) => ({ actual: outputs[k] ?? Number.NaN, expected }));
}

function numbers(row: string): number[] {
  return row
    .trim()
    .split(/\s+/)
    .map((entry) => evaluate(entry, {}));
}

function times(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  return matrix.map((row) => row.reduce((sum, entry, k) => sum + entry * vector[k]!, 0));
}

const [X, DY, GAMMA, EPSILON] = [[0.4, -1.2, 2.1, 0.5], [1.3, 0.2, -0.7, 0.9], 1.6, 0.1] as const;

/** One channel of batch norm, and everything that its formulas name, at the value k. */
function batchNorm(x: readonly number[], k: number) {
  const m = x.length;
  const mean = x.reduce((sum, value) => sum + value, 0) / m;
  const r = 1 / Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / m + EPSILON);
  const z = x.map((value) => (value - mean) * r);
  const g = DY.map((dy) => GAMMA * dy);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const sums0 = sum(DY);
  const sums1 = sum(DY.map((dy, at) => dy * z[at]!));
  const loss = sum(g.map((value, at) => value * z[at]!));
  const named = { 'sum (g z)': loss, 'sum g': sum(g), 'sum dy z': sums1, 'sum dy': sums0 };
  return { m, mean, r, loss, z_k: z[k]!, x_k: x[k]!, g_k: g[k]!, dy: DY[k]!, z: z[k]!, gamma: GAMMA, sums0, sums1, ...named };
}

/** The slope of something of the channel by its value k. */
function slopeOf(what: 'loss' | 'mean' | 'r', k: number): number {
  return slope(
    (value) =>
      batchNorm(
        X.map((old, at) => (at === k ? value : old)),
        k,
      )[what],
    X[k]!,
  );
}

/** The three ways add up to the derivative, and those through mean and r begin with the derivatives of these. */
function terms(formulas: readonly Assignment[]): Compared[] {
  return X.flatMap((_, k) => {
    const values: Values = batchNorm(X, k);
    const all = (wanted: string): number[] =>
      formulas.flatMap(([name, formula]) =>
        name.endsWith(wanted) ? formula.split(' = ').map((part) => evaluate(part, values)) : [],
      );
    return [
      { actual: all('dx_k').reduce((sum, term) => sum + term, 0), expected: slopeOf('loss', k) },
      ...all('d mean / d x_k').map((actual) => ({ actual, expected: slopeOf('mean', k) })),
      ...all('d r / d x_k').map((actual) => ({ actual, expected: slopeOf('r', k) })),
    ];
  });
}

function together([dx, ...sums]: readonly Assignment[]): Compared[] {
  return X.flatMap((_, k) => {
    const values: Values = batchNorm(X, k);
    return [
      { actual: evaluate(dx![1], values), expected: slopeOf('loss', k) },
      ...sums.map(([name, formula]) => ({ actual: evaluate(formula, values), expected: evaluate(name, values) })),
    ];
  });
}

/** F(x) = tanh(x) of one number: the Jacobian is its derivative. */
function residual([first]: readonly Assignment[]): Compared[] {
  const [x, dy] = [0.7, -1.3];
  const jacobian = 1 - Math.tanh(x) ** 2;
  const expected = slope((at) => dy * (Math.tanh(at) + at), x);
  return [{ actual: evaluate(first![1], { dy, 'J_F^T': jacobian }), expected }];
}

function slope(f: (x: number) => number, x: number): number {
  return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
}
