/**
 * Computes an element-wise step anew in each of the steps that read it, where all of them have a form with a formula in place of their
 * first input (Op.precededBy): the slope behind a ReLU, in the two steps of a batch norm's gradient.
 */
import type { Expression, ScalarFunction } from '../ops/pointwise/expression.ts';
import { sameShape } from '../shape.ts';
import type { Draft, DraftStep } from './compile.ts';
import { countUses, isOwnShape, renumber } from './uses.ts';

export function fuseStarts(draft: Draft): Draft {
  const uses = countUses(draft);
  const readersOf = readersByValue(draft);
  const joined = new Map<DraftStep, DraftStep>();
  const absorbed = new Set<DraftStep>();
  for (const step of draft.steps) {
    if (!isAbsorbable(draft, step)) continue;
    const readers = readersOf.get(step.output) ?? [];
    if (readers.length !== uses[step.output] || !savesMemory(step.inputs.length, readers.length)) continue;
    const forms = readers.map((reader) => prepend(step, reader));
    if (!forms.every((form) => form !== undefined)) continue;
    absorbed.add(step);
    readers.forEach((reader, k) => joined.set(reader, forms[k]!));
  }
  return renumber(
    draft,
    draft.steps.filter((step) => !absorbed.has(step)).map((step) => joined.get(step) ?? step),
  );
}

function readersByValue({ steps }: Draft): Map<number, DraftStep[]> {
  const readers = new Map<number, DraftStep[]>();
  for (const step of steps) for (const input of new Set(step.inputs)) readers.set(input, [...(readers.get(input) ?? []), step]);
  return readers;
}

function isAbsorbable(draft: Draft, { op, options, inputs, shapes, outputShape }: DraftStep): boolean {
  return (
    op.expression !== undefined &&
    isCheap(op.expression(options)) &&
    shapes.every((shape, k) => isOwnShape(draft, inputs[k]!, shape) && sameShape(shape, outputShape))
  );
}

/** Series of many terms, which take longer than reading their value. */
const SERIES: ReadonlySet<ScalarFunction> = new Set(['exp', 'log', 'tanh', 'power']);

function isCheap(expression: Expression): boolean {
  return !('call' in expression) || (!SERIES.has(expression.call) && expression.of.every(isCheap));
}

/** Apart, k arrays are read and one is written, which all readers read; joined, each of them reads the k. */
function savesMemory(k: number, readers: number): boolean {
  return readers * k < k + 1 + readers;
}

function prepend(step: DraftStep, reader: DraftStep): DraftStep | undefined {
  const [first, ...rest] = reader.inputs;
  if (first !== step.output || rest.includes(step.output) || !sameShape(reader.shapes[0]!, step.outputShape)) return undefined;
  const form = reader.op.precededBy?.(reader, step.op.expression!(step.options));
  if (form === undefined) return undefined;
  const inputs = [...rest, ...step.inputs];
  return {
    ...reader,
    ...form,
    inputs,
    shapes: [...reader.shapes.slice(1), ...step.shapes],
    layouts: inputs.map(() => 'logical' as const),
  };
}
