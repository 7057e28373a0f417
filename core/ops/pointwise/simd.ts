/**
 * One kernel for every element-wise formula: rows of neighbouring output elements, four lanes at a time. Along a row an input is a vector
 * (its elements are neighbours too), a single value, or strided; then the row goes element by element.
 */
import { type F32x4, type I32Var, load, loadSplat, local, min, range, store } from '../../devices/simd/emit/index.ts';
import type { SimdCall, SimdKernel, SimdProgram } from '../../devices/simd/kernel.ts';
import { rowAddresses, writeRow } from '../../devices/simd/rows.ts';
import { axisOrder, collapse, inputStrides, physicalStrides, type Space } from '../../devices/simd/strides.ts';
import type { Expression } from './expression.ts';
import { vectorOf } from './vector.ts';

/** Elements of a task: some tens of microseconds of work. */
const TASK_ELEMENTS = 16384;

/** How an input runs along a row. */
type Access = 'vector' | 'single' | 'strided';

export function pointwiseProgram(
  expression: Expression,
  call: Pick<SimdCall, 'shapes' | 'outputShape' | 'layouts' | 'outputLayout'>,
): SimdProgram {
  const { lengths, strides } = spaceOf(call);
  const inner = lengths.length - 1;
  const access = strides.slice(1).map((own): Access => (own[inner] === 1 ? 'vector' : own[inner] === 0 ? 'single' : 'strided'));
  const operands = call.shapes.map((_, input) => ({ input }));
  if (inner === 0 && !access.includes('strided')) {
    const tasks = Math.ceil(lengths[0]! / TASK_ELEMENTS);
    const args = [lengths[0]!, 'output' as const, ...operands];
    return { scratch: [], threadScratch: 0, launches: [{ kernel: linearKernel(expression, access), tasks, args }] };
  }
  const [length, outer] = [lengths[inner]!, lengths.slice(0, inner)];
  const rows = outer.reduce((product, each) => product * each, 1);
  const rowsPerTask = Math.max(1, Math.floor(TASK_ELEMENTS / length));
  const outerStrides = strides.slice(1).flatMap((own) => own.map((stride) => 4 * stride));
  return {
    scratch: [],
    threadScratch: 0,
    launches: [
      {
        kernel: rowKernel(expression, access, inner),
        tasks: Math.ceil(rows / rowsPerTask),
        args: [rowsPerTask, rows, length, 'output', ...operands, ...outer, ...outerStrides],
      },
    ],
  };
}

/** The axes over which the formula runs; the output's strides come first. */
function spaceOf({
  shapes,
  outputShape,
  layouts,
  outputLayout,
}: Pick<SimdCall, 'shapes' | 'outputShape' | 'layouts' | 'outputLayout'>): Space {
  const order = axisOrder(outputShape.length, outputLayout);
  const own = physicalStrides(outputShape, outputLayout);
  return collapse({
    lengths: order.map((axis) => outputShape[axis]!),
    strides: [
      order.map((axis) => own[axis]!),
      ...shapes.map((shape, k) => inputStrides(shape, layouts[k]!, outputShape, outputLayout)),
    ],
  });
}

/** task | elements | output | inputs ...: all inputs lie as the output does, or are single values. */
function linearKernel(expression: Expression, access: readonly Access[]): SimdKernel {
  return {
    name: `pointwise ${JSON.stringify(expression)} ${access}`,
    parameters: 3 + access.length,
    emit: (task, elements, output, ...inputs) => {
      const from = local(task.mul(TASK_ELEMENTS));
      const to = min(from.add(TASK_ELEMENTS), elements!);
      const singles = inputs.map((input, k) => (access[k] === 'single' ? loadSplat(input) : undefined));
      range(from, to, 4, (at) => {
        const offset = local(at.shl(2));
        store(
          output!.add(offset),
          vectorOf(
            expression,
            inputs.map((input, k) => singles[k] ?? load(input.add(offset))),
          ),
        );
      });
    },
  };
}

/**
 * task | rows a task | rows | elements a row | output | inputs ... | outer lengths ... | byte strides, by input: outer ..., inner.
 * A strided input makes the row go one element at a time.
 */
function rowKernel(expression: Expression, access: readonly Access[], outerAxes: number): SimdKernel {
  const step = access.includes('strided') ? 1 : 4;
  return {
    name: `pointwise rows ${outerAxes} ${JSON.stringify(expression)} ${access}`,
    parameters: 5 + access.length + outerAxes + access.length * (outerAxes + 1),
    emit: (task, rowsPerTask, rows, length, output, ...rest) => {
      const inputs = rest.slice(0, access.length);
      const lengths = rest.slice(access.length, access.length + outerAxes);
      const strides = access.map((_, k) => rest.slice(access.length + outerAxes + k * (outerAxes + 1)).slice(0, outerAxes + 1));
      const first = local(task.mul(rowsPerTask!));
      range(first, min(first.add(rowsPerTask!), rows!), 1, (row) => {
        const to = local(output!.add(row.mul(length!).shl(2)));
        const from = rowAddresses(row, lengths, inputs, strides);
        const singles = from.map((address, k) => (access[k] === 'single' ? loadSplat(address) : undefined));
        const valueAt = (at: I32Var): F32x4 =>
          vectorOf(
            expression,
            from.map((address, k) => {
              if (access[k] === 'single') return singles[k]!;
              return access[k] === 'vector' && step === 4
                ? load(address.add(at.shl(2)))
                : loadSplat(address.add(access[k] === 'vector' ? at.shl(2) : at.mul(strides[k]![outerAxes]!)));
            }),
          );
        writeRow(to, length!, step, valueAt);
      });
    },
  };
}
