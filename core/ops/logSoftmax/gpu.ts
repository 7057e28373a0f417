/**
 * logSoftmax on gpu.js, from the kernels of reductions and of element-wise formulas, in four stages:
 *
 *     m = max_b x[o,b,i];  e = exp(x - m);  s = sum_b e[o,b,i];  y = x - m - log(s)
 *
 * The two reductions take an axis longer than 4,096 in parts.
 */
import type { GpuProgram, Launch, Operand } from '../../devices/gpu/kernel.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import { call, type Expression } from '../pointwise/expression.ts';
import { pointwiseKernel } from '../pointwise/gpu.ts';
import { reductionProgram } from '../reduce/gpu.ts';

/** A tensor as [outer, length, inner] around one axis. */
export interface AxisView {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

export function logSoftmaxProgram({ outer, length, inner }: AxisView): GpuProgram {
  const whole = [outer, length, inner];
  const rows = [outer, 1, inner];
  const [x0, x1, x2]: Expression[] = [{ input: 0 }, { input: 1 }, { input: 2 }];
  const shifted = call('subtract', x0!, x1!);
  const formula = (expression: Expression, shapes: readonly Shape[]): GpuProgram =>
    pointwiseKernel(expression, { shapes, outputShape: whole });

  const x = { input: 0 };
  const stages = new Stages();
  const most = stages.add(reductionProgram('max', whole, [1]), [x], sizeOf(rows));
  const powers = stages.add(formula(call('exp', shifted), [whole, rows]), [x, most], sizeOf(whole));
  const total = stages.add(reductionProgram('sum', whole, [1]), [powers], sizeOf(rows));
  const last = formula(call('subtract', shifted, call('log', x2!)), [whole, rows, rows]);
  return stages.finish(last, [x, most, total]);
}

/** Programs one after another, each with its inputs and output renamed to what it is given here. */
class Stages {
  private readonly scratch: number[] = [];
  private readonly launches: Launch[] = [];

  /** Runs `program` into a new scratch array of `size` elements. */
  add(program: GpuProgram, inputs: readonly Operand[], size: number): Operand {
    const output = { scratch: this.scratch.push(size) - 1 };
    this.append(program, inputs, output);
    return output;
  }

  /** Ends with a program into the output. */
  finish(program: GpuProgram, inputs: readonly Operand[]): GpuProgram {
    this.append(program, inputs, 'output');
    return { scratch: this.scratch, launches: this.launches };
  }

  private append(program: GpuProgram, inputs: readonly Operand[], output: Operand): void {
    const first = this.scratch.length;
    this.scratch.push(...program.scratch);
    const rename = (operand: Operand): Operand => {
      if (operand === 'output') return output;
      return 'scratch' in operand ? { scratch: first + operand.scratch } : inputs[operand.input]!;
    };
    for (const launch of program.launches)
      this.launches.push({ ...launch, inputs: launch.inputs.map(rename), output: rename(launch.output) });
  }
}
