/** The diagrams of docs/tour.md as SVG text, drawn from a real tape, a real plan and the sizes of Winograd's tiles. */
import { add, gradient, matmul, mul, type Plan, State, square, sum, type Tensor, tanh, tensor } from '../../core/index.ts';
import { tapeOf } from '../../core/tape.ts';
import { planFor, reference } from '../../testing/evaluate.ts';
import { arrow, drawing, rectangle, text } from './svg.ts';

const LEAF = '#ddf4ff';
const FORWARD = '#fff8c5';
const BACKWARD = '#ffebe9';

/** By path. */
export function diagrams(): Map<string, string> {
  return new Map([
    ['docs/tour/tape.svg', tapeDiagram()],
    ['docs/tour/memory.svg', memoryDiagram(chainPlan())],
    ['docs/tour/winograd.svg', tilesDiagram()],
  ]);
}

const [BOX, LINE, COLUMN, ROW] = [104, 30, 150, 64];

/** x y + tanh(x) */
export function scalarTape(): Tensor {
  const [x, y] = [new State([0.5], { shape: [], label: 'x' }), new State([3], { shape: [], label: 'y' })];
  return add(mul(x.read(), y.read()), tanh(x.read()));
}

/** Its tape: a column for each distance from the leaves. */
function tapeDiagram(): string {
  const nodes = tapeOf(scalarTape());
  const depth = new Map<Tensor, number>();
  for (const node of nodes) depth.set(node, 1 + Math.max(-1, ...inputsOf(node).map((input) => depth.get(input)!)));
  const rows = new Map<number, number>();
  const place = new Map<Tensor, { x: number; y: number }>();
  for (const node of nodes) {
    const column = depth.get(node)!;
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    place.set(node, { x: 24 + column * COLUMN, y: 24 + row * ROW });
  }
  const boxes = nodes.map((node, k) => {
    const { x: left, y: top } = place.get(node)!;
    const fill = depth.get(node) === 0 ? LEAF : FORWARD;
    return [rectangle(left, top, BOX, LINE, fill), text(left + BOX / 2, top + LINE / 2, `%${k} ${nameOf(node)}`)].join('\n');
  });
  const arrows = nodes.flatMap((node) =>
    inputsOf(node).map((input) => {
      const [from, to] = [place.get(input)!, place.get(node)!];
      return arrow(from.x + BOX, from.y + LINE / 2, to.x - 2, to.y + LINE / 2);
    }),
  );
  const width = 48 + Math.max(...depth.values()) * COLUMN + BOX;
  return drawing(width, 18 + Math.max(...rows.values()) * ROW, 'The tape of x y + tanh(x)', [...arrows, ...boxes]);
}

function inputsOf({ source }: Tensor): readonly Tensor[] {
  return source.kind === 'op' ? source.inputs : [];
}

function nameOf({ source }: Tensor): string {
  return source.kind === 'op' ? source.op.name : source.kind === 'state' ? source.state.label : source.kind;
}

/** Loss and weight gradients of two layers, tanh(x w1) w2, without fusion. */
export function chainPlan(): Plan {
  const x = tensor(new Float32Array(8 * 4), [8, 4]);
  const [w1, w2] = [new State(new Float32Array(24), { shape: [4, 6] }), new State(new Float32Array(18), { shape: [6, 3] })];
  const loss = sum(square(matmul(tanh(matmul(x, w1.read())), w2.read())));
  return planFor([loss, ...gradient(loss, [w1, w2])], reference);
}

/** How many of the first steps belong to the forward pass: up to the one that makes the loss, the first value read. */
function forwardSteps(plan: Plan): number {
  return plan.steps.findIndex((step) => step.output === plan.reads[0]) + 1;
}

/** Slots as rows, steps as columns, each value a bar from the step that makes it to its last use. */
function memoryDiagram(plan: Plan): string {
  const [left, step, height] = [170, 26, 26];
  const bars = plan.steps.flatMap(({ output, op }, from) => {
    const { location, size } = plan.values[output]!;
    if (location.in !== 'slot') return [];
    const to = lastUse(plan, output, from);
    const y = 44 + location.index * height;
    const fill = from < forwardSteps(plan) ? FORWARD : BACKWARD;
    return [
      rectangle(left + from * step, y, (to - from + 1) * step - 3, height - 6, fill),
      `<g><title>${op.name}, ${size} elements, steps ${from} to ${to}</title>${text(left + from * step + 11, y + 10, String(from))}</g>`,
    ];
  });
  const slots = plan.slots.map((size, k) => text(left - 12, 54 + k * height, `slot ${k}, size ${size}`, 'end'));
  const steps = plan.steps.map((_, k) => text(left + k * step + 11, 24, String(k)));
  const labels = [text(left - 12, 24, 'step', 'end'), ...steps, ...slots];
  const width = left + plan.steps.length * step + 24;
  return drawing(width, 60 + plan.slots.length * height, 'Lives of values in their slots', [...labels, ...bars]);
}

function lastUse(plan: Plan, value: number, made: number): number {
  if (plan.reads.includes(value)) return plan.steps.length - 1;
  return Math.max(made, ...plan.steps.map(({ inputs }, k) => (inputs.includes(value) ? k : -1)));
}

/** Two neighbouring tiles of 6 x 6 inputs, four columns apart, and the 4 x 4 outputs that each makes. */
function tilesDiagram(): string {
  const cell = 22;
  const grid = (x: number, y: number, rows: number, columns: number): string[] =>
    Array.from({ length: rows * columns }, (_, k) =>
      rectangle(x + (k % columns) * cell, y + Math.floor(k / columns) * cell, cell, cell, 'none', '#8c959f'),
    );
  const tile = (x: number, y: number, size: number, fill: string): string =>
    `<g fill-opacity="0.55">${rectangle(x, y, size * cell, size * cell, fill)}</g>`;
  const [left, top, right] = [24, 48, 24 + 10 * cell + 110];
  const below = top + 6 * cell + 20;
  return drawing(right + 8 * cell + 24, below + 14, "Winograd's tiles of F(4x4, 3x3)", [
    text(left + 5 * cell, 24, 'input, two tiles of 6 x 6'),
    text(right + 4 * cell, 24, 'output, two tiles of 4 x 4'),
    ...[tile(left, top, 6, LEAF), tile(left + 4 * cell, top, 6, BACKWARD)],
    ...[tile(right, top + cell, 4, LEAF), tile(right + 4 * cell, top + cell, 4, BACKWARD)],
    ...grid(left, top, 6, 10),
    ...grid(right, top + cell, 4, 8),
    arrow(left + 10 * cell + 14, top + 3 * cell, right - 14, top + 3 * cell),
    text(left + 10 * cell + 55, top + 3 * cell - 16, '36 products'),
    text(left, below - 4, 'the two columns in the middle belong to both', 'start'),
  ]);
}
