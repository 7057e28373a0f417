/** The diagrams of docs/tour.md as SVG text: those of the tape and of the plan here, drawn from a real tape and a real plan. */
import { add, gradient, matmul, mul, type Plan, State, square, sum, type Tensor, tanh, tensor } from '../../core/index.ts';
import { tapeOf } from '../../core/tape.ts';
import { planFor, reference } from '../../testing/evaluate.ts';
import { blockDiagram } from './blockDiagram.ts';
import { frameDiagram, registersDiagram, tilesDiagram } from './convolutionDiagrams.ts';
import { arrow, BACKWARD, drawing, FORWARD, LEAF, rectangle, text } from './svg.ts';

/** By path. */
export function diagrams(): Map<string, string> {
  return new Map([
    ['docs/tour/tape.svg', tapeDiagram()],
    ['docs/tour/memory.svg', memoryDiagram(chainPlan())],
    ['docs/tour/frame.svg', frameDiagram()],
    ['docs/tour/tile.svg', registersDiagram()],
    ['docs/tour/winograd.svg', tilesDiagram()],
    ['docs/tour/block.svg', blockDiagram()],
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
    inputsOf(node).map((input, k, { length }) => {
      const [from, to] = [place.get(input)!, place.get(node)!];
      return arrow(from.x + BOX, from.y + LINE / 2, to.x - 2, to.y + LINE / 2 + 12 * (k - (length - 1) / 2));
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
  const [left, step, height] = [190, 26, 26];
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
  const slots = plan.slots.map((size, k) =>
    text(left - 12, 54 + k * height, `slot ${k}, ${size} ${size === 1 ? 'number' : 'numbers'}`, 'end'),
  );
  const steps = plan.steps.map((_, k) => text(left + k * step + 11, 24, String(k)));
  const labels = [text(left - 12, 24, 'step', 'end'), ...steps, ...slots];
  const width = left + plan.steps.length * step + 24;
  return drawing(width, 60 + plan.slots.length * height, 'Lives of values in their slots', [...labels, ...bars]);
}

function lastUse(plan: Plan, value: number, made: number): number {
  if (plan.reads.includes(value)) return plan.steps.length - 1;
  return Math.max(made, ...plan.steps.map(({ inputs }, k) => (inputs.includes(value) ? k : -1)));
}
