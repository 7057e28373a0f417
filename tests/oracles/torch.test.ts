/**
 * Training steps and schedules against PyTorch's numbers in torch.json (made by make_torch.py, in float64): losses, every weight, momentum
 * buffer and running statistic after three steps, and the logits in evaluation mode.
 */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { scale, tensor, useDevice } from '../../core/index.ts';
import { CifarResNet, ResNet } from '../../models/index.ts';
import { crossEntropy, initialise, type Module, type Shortcut, zeroWeights } from '../../nn/index.ts';
import { clipGradNorm, cosine, multiStep, plateau, type Schedule, SGD, warmUp, withoutDecay } from '../../optim/index.ts';
import { scaledError } from '../support/evaluate.ts';

interface Optimizer {
  readonly learningRate: number;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly weightDecay?: number;
  readonly nesterov?: boolean;
  readonly withoutDecay?: boolean;
  readonly clip?: number;
  readonly accumulate?: number;
  readonly labelSmoothing?: number;
}

interface Training {
  readonly name: string;
  readonly network:
    | { readonly kind: 'resnet8'; readonly shortcut: Shortcut }
    | { readonly kind: 'bottleneck'; readonly strideOn: '3x3' | '1x1' };
  readonly optimizer: Optimizer;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  /** Float64 arrays in base64, by name. */
  readonly state: Readonly<Record<string, string>>;
  readonly momentum: Readonly<Record<string, string>>;
  readonly evaluated: string;
}

interface Constants {
  readonly schedules: Readonly<Record<string, readonly number[]>>;
  readonly training: readonly Training[];
}

const { schedules, training }: Constants = JSON.parse(readFileSync(new URL('torch.json', import.meta.url), 'utf8'));

const [STEPS, BATCH, CLASSES] = [3, 6, 3];
/** Two float64 programs that add in different orders. */
const FLOAT64_TOLERANCE = 1e-9;
/** Three steps in float32: 1e-7 for each rounding, grown by batch norm over as few as six values. */
const FLOAT32_TOLERANCE = 2e-3;

function decode(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  return Float64Array.from({ length: bytes.length / 8 }, (_, k) => bytes.readDoubleLE(8 * k));
}

const sines = (size: number, phase: number): Float64Array =>
  Float64Array.from({ length: size }, (_, k) => Math.sin(12.9898 * (k + 1) + phase));

/** Every parameter from its name and shape, as make_torch.py does. */
function fill(model: Module): void {
  for (const [name, parameter] of model.namedParameters()) {
    const phase = [...name].reduce((total, letter) => total + letter.charCodeAt(0), 0) % 97;
    const values = sines(parameter.size, phase);
    const fanIn = parameter.size / parameter.shape[0]!;
    const [factor, offset] = parameter.shape.length > 1 ? [Math.sqrt(4 / fanIn), 0] : [0.1, name.endsWith('weight') ? 1 : 0];
    parameter.assign(
      tensor(
        values.map((value) => value * factor + offset),
        parameter.shape,
      ),
    );
  }
}

function build({ network }: Training): { model: Module; side: number } {
  const options = { width: 1, classes: CLASSES };
  return initialise({ seed: 0, weights: zeroWeights }, () =>
    network.kind === 'resnet8'
      ? { model: new CifarResNet(8, { ...options, shortcut: network.shortcut }), side: 8 }
      : {
          model: new ResNet('bottleneck', [1, 1, 1, 1], { ...options, shortcut: 'B', strideOn: network.strideOn }),
          side: 33,
        },
  );
}

/** Trains as `train` in make_torch.py and gives what it gives. */
async function train(example: Training) {
  const { accumulate = 1, clip, withoutDecay: grouped, labelSmoothing = 0, ...options } = example.optimizer;
  const { model, side } = build(example);
  fill(model);
  const parameters = model.parameters();
  const optimizer = new SGD(grouped ? withoutDecay(parameters) : parameters, options);
  const micro = BATCH / accumulate;
  const images = sines(BATCH * 3 * side * side, 1);
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let step = 0; step < STEPS; step++) {
    optimizer.zeroGrad();
    for (let part = 0; part < accumulate; part++) {
      const pixels = images.slice((part * images.length) / accumulate, ((part + 1) * images.length) / accumulate);
      const labels = tensor(Array.from({ length: micro }, (_, k) => (part * micro + k) % CLASSES));
      const logits = model.forward(tensor(pixels, [micro, 3, side, side]));
      const loss = scale(crossEntropy(logits, labels, { labelSmoothing }), 1 / accumulate);
      loss.backward();
      losses.push(await loss.item());
    }
    if (clip !== undefined) {
      const norm = clipGradNorm(parameters, clip).item();
      void optimizer.step();
      norms.push(await norm);
    } else {
      await optimizer.step();
    }
  }
  const [state, { momentum }] = await Promise.all([model.stateDict(), optimizer.stateDict()]);
  model.eval();
  const evaluated = await model.forward(tensor(images, [BATCH, 3, side, side])).data();
  return { losses, norms, state, momentum, evaluated };
}

afterAll(() => useDevice('reference'));

describe.each([
  ['reference', FLOAT64_TOLERANCE],
  ['simd', FLOAT32_TOLERANCE],
] as const)("three training steps on %s end as PyTorch's", (device, tolerance) => {
  it.each(training)('$name', async (example) => {
    await useDevice(device);
    const { losses, norms, state, momentum, evaluated } = await train(example);
    const close = (what: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void =>
      expect(scaledError(actual, expected), what).toBeLessThan(tolerance);
    close('losses', losses, example.losses);
    close('norms', norms, example.norms);
    expect([...state.keys()].sort()).toEqual(Object.keys(example.state).sort());
    for (const [name, { data }] of state) close(name, data, decode(example.state[name]!));
    expect([...momentum.keys()].sort()).toEqual(Object.keys(example.momentum).sort());
    for (const [name, { data }] of momentum) close(`momentum of ${name}`, data, decode(example.momentum[name]!));
    close('logits in evaluation mode', evaluated, decode(example.evaluated));
  });
});

describe("100 steps of each schedule are PyTorch's", () => {
  const steps = Array.from({ length: 100 }, (_, k) => k);
  const decayed = multiStep({ learningRate: 0.1, milestones: [30, 60] });
  it.each<[string, Schedule]>([
    ['multiStep', decayed],
    ['cosine', cosine({ learningRate: 0.1, steps: 100, minimum: 0.001 })],
    // SequentialLR counts the second schedule's steps from its own beginning: 30 and 60 there are 40 and 70 here.
    ['warmUpLinear', warmUp(multiStep({ learningRate: 0.1, milestones: [40, 70] }), { steps: 10, from: 0.01 })],
    ['warmUpConstant', warmUp(multiStep({ learningRate: 0.1, milestones: [] }), { steps: 25, from: 0.01, ramp: 'constant' })],
  ])('%s', (name, schedule) => {
    steps.forEach((step) => expect(schedule.learningRate(step), `step ${step}`).toBeCloseTo(schedules[name]![step]!, 12));
  });

  it('plateau', () => {
    const schedule = plateau({ learningRate: 0.1, patience: 5 });
    const error = (step: number): number => (step < 20 ? 1 / (1 + step) : step < 60 ? 0.05 : 0.04 - 1e-7 * step);
    for (const step of steps) {
      expect(schedule.learningRate(), `step ${step}`).toBeCloseTo(schedules.plateau![step]!, 12);
      schedule.report(error(step));
    }
  });
});
