/** Ops of a user's own: both forms, on every device, with their gradients. */
import { describe, expect, it } from 'vitest';
import { type DefinedOp, defineOp, gradient, mul, scale, sum, tensor } from '../../core/index.ts';
import { checkDevice, checkGradient, checkSecondGradient, input } from '../support/check.ts';
import { onEveryDevice } from '../support/devices.ts';

/** x^2 w + b, element by element. */
const curve = defineOp({
  name: 'curve',
  inputs: ['x', 'w', 'b'],
  formula: ([x, w, b], { add, multiply }) => add(multiply(x, multiply(x, w)), b),
  gradient: ({ inputs: [x, w], dy }) => [() => mul(dy, scale(mul(x, w), 2)), () => mul(dy, mul(x, x)), () => dy],
});

/** A leaky ReLU whose slope is an option. */
const leaky = defineOp({
  name: 'leaky',
  inputs: ['x'],
  options: { slope: 0.1 },
  formula: ([x], { select, less, multiply }, { slope }) => select(less(x, 0), multiply(x, slope), x),
  gradient: ({ inputs: [x], dy, options: { slope } }) => [() => mul(dy, leakySlope(x, { slope }))],
});
const leakySlope = defineOp({
  name: 'leaky slope',
  inputs: ['x'],
  options: { slope: 0.1 },
  formula: ([x], { select, less }, { slope }) => select(less(x, 0), slope, 1),
  gradient: () => [null],
});

/** Each row of x times its factor: loops, with a kernel for gpu.js. */
const rows: DefinedOp<readonly ['x', 'factor'], { readonly sign: number }> = defineOp({
  name: 'rows',
  inputs: ['x', 'factor'],
  options: { sign: 1 },
  shape: ([x]) => x,
  reference({ inputs: [x, factor], output, shapes: [[, columns]], options: { sign } }) {
    for (let k = 0; k < output.length; k++) output[k] = sign * x[k]! * factor[Math.floor(k / columns!)]!;
  },
  gradient: ({ inputs: [x, factor], dy, options: { sign } }) => [
    () => rows(dy, factor, { sign }),
    () => scale(sum(mul(dy, x), [1]), sign),
  ],
  gpu(x, factor) {
    return this.constants.sign! * x![this.thread.x]! * factor![idiv(this.thread.x, this.constants.columns!)]!;
  },
  constants: ({ shapes: [x], options: { sign } }) => ({ columns: x![1]!, sign: sign }),
});

const cases = [
  { what: 'formula', formula: curve, inputs: [input([2, 3, 4], 1), input([3, 1], 2), input([4], 3)] },
  {
    what: 'formula with options',
    formula: (x: Parameters<typeof leaky>[0]) => leaky(x, { slope: 0.3 }),
    inputs: [input([5, 7], 4)],
  },
  {
    what: 'loops',
    formula: (x: Parameters<typeof leaky>[0], f: Parameters<typeof leaky>[0]) => rows(x, f, { sign: -1 }),
    inputs: [input([3, 41], 5), input([3], 6)],
  },
];

describe.each(cases)('defineOp: $what', ({ formula, inputs }) => {
  it('has the gradients that differences have', async () => {
    await checkGradient(formula, inputs);
    await checkSecondGradient(formula, inputs);
  });
  onEveryDevice((device) => it('agrees with the reference', () => checkDevice(device, formula, inputs)));
});

describe('defineOp', () => {
  it('takes numbers for tensors, and options only where they are given', async () => {
    expect(await curve(3, 2, 1).item()).toBe(19);
    expect([await leaky(-1).item(), await leaky(-1, { slope: 0.5 }).item()].map(Math.fround)).toEqual(
      [-0.1, -0.5].map(Math.fround),
    );
  });

  it('says what is missing', () => {
    const one = tensor([1]);
    expect(() => Reflect.apply(curve, undefined, [one, one])).toThrow('curve: 2 tensors or numbers given; it takes 3 (x, w, b)');
    const definition = { shape: ([x]: readonly [readonly number[]]) => x, reference: () => undefined };
    expect(() => defineOp({ ...definition, name: '', inputs: ['x'], gradient: () => [null] })).toThrow(
      'defineOp: the name is empty; give a name and at least one input',
    );
    expect(() => defineOp({ ...definition, name: 'none', inputs: [], shape: () => [], gradient: () => [] })).toThrow(
      'defineOp: none has no inputs; give a name and at least one input',
    );
    const few = defineOp<readonly string[]>({
      name: 'few',
      inputs: ['x', 'w'],
      shape: ([x]) => x!,
      reference: () => undefined,
      gradient: () => [() => one],
    });
    expect(() => gradient(sum(few(one, one)), [one])).toThrow(
      'few: its gradient gives 1 rules for 2 inputs; give one for each, null where there is none',
    );
  });

  it('says which gradient has another shape than its input', () => {
    const x = tensor([[1, 2]]);
    const wrong = defineOp({
      name: 'wrong',
      inputs: ['x'],
      shape: ([x]) => x,
      reference: () => undefined,
      gradient: ({ dy }) => [() => sum(dy)],
    });
    expect(() => gradient(sum(wrong(x)), [x])).toThrow(
      'wrong gradient of x: shape [] was given, but the input has [1, 2]; sum over the axes that were broadcast',
    );
  });
});
