/**
 * The four ops of batch normalisation on x as [pixels, c]: every other axis merged, channels side by side. Tasks are chunks of pixels; sums
 * over all of them are made of a partial result a chunk, combined by a second launch.
 */

import { copyLaunch } from '../../devices/simd/copy.ts';
import type { SimdCall, SimdLaunch, SimdOperand, SimdProgram } from '../../devices/simd/kernel.ts';
import type { Layout, LayoutRule } from '../../plan/layout.ts';
import { type Shape, sizeOf, stridesOf } from '../../shape.ts';
import type { Expression } from '../pointwise/expression.ts';
import type { EpsilonOptions } from './batchNorm.ts';
import type { ThenOptions } from './normaliseThen.ts';
import { combineMoments, momentsOfChunk, normaliseChunk } from './simd/forwardKernels.ts';
import { combineSums, normaliseInputChunk, sumsOfChunk } from './simd/gradientKernels.ts';
import type { SlopeOptions } from './slopeOf.ts';

/** Elements of a chunk: 32 KiB an array stay in the first cache for a second pass. */
const CHUNK_ELEMENTS = 8192;

/** 4-D activations channels-last, per-channel values as they are. */
const layoutRule = (activations: number, output: Layout) => ({
  inputs: [...Array.from({ length: activations }, () => 'channelsLast' as const), 'logical' as const],
  output,
});
export const momentsLayout = layoutRule(1, 'logical');
export const normaliseLayout = layoutRule(1, 'channelsLast');
export const sumsLayout = layoutRule(2, 'logical');
export const inputLayout = layoutRule(2, 'channelsLast');
/** x and per-channel values, then parts of the slope. */
export const sumsOfLayout: LayoutRule = { inputs: ['channelsLast', 'logical', 'channelsLast'], output: 'logical' };
export const inputOfLayout: LayoutRule = {
  inputs: ['channelsLast', 'logical', 'logical', 'logical', 'channelsLast'],
  output: 'channelsLast',
};

interface Chunks {
  readonly channels: number;
  readonly pixels: number;
  readonly perChunk: number;
  readonly count: number;
}

function chunksOf(shape: Shape): Chunks {
  const channels = shape[1]!;
  const pixels = sizeOf(shape) / channels;
  const perChunk = Math.max(1, Math.floor(CHUNK_ELEMENTS / channels));
  return { channels, pixels, perChunk, count: Math.ceil(pixels / perChunk) };
}

const vectorsOf = (channels: number): number => Math.ceil(channels / 4);
/** Floats of a vector of c values in scratch memory. */
const padded = (channels: number): number => 4 * vectorsOf(channels);

export function momentsProgram({ shapes }: SimdCall<unknown>): SimdProgram {
  const chunks = chunksOf(shapes[0]!);
  const { channels, pixels, perChunk, count } = chunks;
  return onPixels(shapes, 1, [2 * count * padded(channels)], ([x], [partial]) => [
    { kernel: momentsOfChunk, tasks: count, args: [perChunk, pixels, channels, x!, partial!] },
    { kernel: combineMoments, tasks: vectorsOf(channels), args: [count, perChunk, pixels, channels, partial!, 'output'] },
  ]);
}

export function normaliseProgram({ shapes, options }: SimdCall<EpsilonOptions>): SimdProgram {
  const { channels, pixels, perChunk, count } = chunksOf(shapes[0]!);
  const program = onPixels(shapes, 1, [], ([x], _, y) => [
    {
      kernel: normaliseChunk(options.epsilon),
      tasks: count,
      args: [perChunk, pixels, channels, x!, { input: 1 }, { input: 2 }, { input: 3 }, y],
    },
  ]);
  return { ...program, threadScratch: 4 * padded(channels) };
}

/** On arrays that lie as [pixels, c]. The others among the inputs lie so too. */
export function normaliseThenProgram({ shapes, options }: SimdCall<ThenOptions>): SimdProgram {
  const { channels, pixels, perChunk, count } = chunksOf(shapes[0]!);
  const operands = operandsOf(shapes);
  return {
    scratch: [],
    threadScratch: 4 * padded(channels),
    launches: [
      {
        kernel: normaliseChunk(options.epsilon, { formula: options.formula, others: shapes.length - 4 }),
        tasks: count,
        args: [perChunk, pixels, channels, ...operands.slice(0, 4), 'output', ...operands.slice(4)],
      },
    ],
  };
}

export function normaliseSumsProgram({ shapes, options }: SimdCall<EpsilonOptions>): SimdProgram {
  const chunks = chunksOf(shapes[0]!);
  return onPixels(shapes, 2, sumsScratch(chunks), ([dy, x], [partial]) =>
    sumsLaunches(chunks, options.epsilon, [x!, { input: 2 }, partial!], [dy!]),
  );
}

/** On arrays that lie as [pixels, c]: x, moments, and those of which dy is made. */
export function normaliseSumsOfProgram({ shapes, options }: SimdCall<SlopeOptions>): SimdProgram {
  const chunks = chunksOf(shapes[0]!);
  const [x, moments, ...parts] = operandsOf(shapes);
  const launches = sumsLaunches(chunks, options.epsilon, [x!, moments!, { scratch: 0 }], parts, options.formula);
  return { scratch: sumsScratch(chunks), threadScratch: 0, launches };
}

const sumsScratch = ({ count, channels }: Chunks): number[] => [2 * count * padded(channels)];

/** The sums of each chunk, then of all; dy is the formula over its parts, or the one part there is. */
function sumsLaunches(
  { perChunk, pixels, channels, count }: Chunks,
  epsilon: number,
  [x, moments, partial]: readonly [SimdOperand, SimdOperand, SimdOperand],
  parts: readonly SimdOperand[],
  formula?: Expression,
): SimdLaunch[] {
  const kernel = sumsOfChunk(formula && { formula, parts: parts.length });
  return [
    { kernel, tasks: count, args: [perChunk, pixels, channels, x, moments, partial, ...parts] },
    { kernel: combineSums(epsilon), tasks: vectorsOf(channels), args: [count, channels, partial, moments, 'output'] },
  ];
}

export function normaliseInputProgram({ shapes, options }: SimdCall<EpsilonOptions>): SimdProgram {
  const chunks = chunksOf(shapes[0]!);
  const program = onPixels(shapes, 2, [], ([dy, x], _, dx) => [
    inputLaunch(chunks, options.epsilon, [x!, { input: 2 }, { input: 3 }, { input: 4 }, dx], [dy!]),
  ]);
  return { ...program, threadScratch: inputScratch(chunks) };
}

/** On arrays that lie as [pixels, c]: x, moments, sums, gamma, and those of which dy is made. */
export function normaliseInputOfProgram({ shapes, options }: SimdCall<SlopeOptions>): SimdProgram {
  const chunks = chunksOf(shapes[0]!);
  const operands = operandsOf(shapes);
  const own = [...operands.slice(0, 4), 'output' as const];
  const launch = inputLaunch(chunks, options.epsilon, own, operands.slice(4), options.formula);
  return { scratch: [], threadScratch: inputScratch(chunks), launches: [launch] };
}

const inputScratch = ({ channels }: Chunks): number => 12 * padded(channels);

/** `own`: x, moments, sums, gamma and dx; dy as for `sumsLaunches`. */
function inputLaunch(
  { perChunk, pixels, channels, count }: Chunks,
  epsilon: number,
  own: readonly SimdOperand[],
  parts: readonly SimdOperand[],
  formula?: Expression,
): SimdLaunch {
  const kernel = normaliseInputChunk(epsilon, formula && { formula, parts: parts.length });
  return { kernel, tasks: count, args: [perChunk, pixels, channels, ...own, ...parts] };
}

const operandsOf = (shapes: readonly Shape[]): SimdOperand[] => shapes.map((_, input) => ({ input }));

/** Whether an array of this shape lies as [pixels, c] as it is: [n, c], and [n, c, h, w] channels-last. */
export function liesInPixels(shape: Shape): boolean {
  return shape.length === 2 || shape.length === 4;
}

type Write = (activations: readonly SimdOperand[], scratch: readonly SimdOperand[], output: SimdOperand) => readonly SimdLaunch[];

/**
 * A program on activations as [pixels, c]. 2-D and 4-D ones lie so already; others, [n, c, l] or [n, c, d, h, w], are rearranged on the
 * way in, and the output on the way out where it has their shape.
 */
function onPixels(shapes: readonly Shape[], activations: number, scratch: readonly number[], write: Write): SimdProgram {
  const shape = shapes[0]!;
  const own = scratch.map((_, k): SimdOperand => ({ scratch: k }));
  if (liesInPixels(shape)) {
    const inputs = Array.from({ length: activations }, (_, input) => ({ input }));
    return { scratch, threadScratch: 0, launches: write(inputs, own, 'output') };
  }
  const rearranged = Array.from({ length: activations + 1 }, (_, k): SimdOperand => ({ scratch: scratch.length + k }));
  const output = rearranged[activations]!;
  const body = write(rearranged.slice(0, activations), own, output);
  const writesPixels = body.some(({ args }) => args.includes(output));
  return {
    scratch: [...scratch, ...rearranged.map(() => sizeOf(shape))],
    threadScratch: 0,
    launches: [
      ...rearranged.slice(0, activations).map((to, input) => rearrange(shape, to, { input }, true)),
      ...body,
      ...(writesPixels ? [rearrange(shape, 'output', output, false)] : []),
    ],
  };
}

/** Between [n, c, ...] and [n, ..., c]. */
function rearrange(shape: Shape, to: SimdOperand, from: SimdOperand, inwards: boolean): SimdLaunch {
  const [n, c] = [shape[0]!, shape[1]!];
  const positions = sizeOf(shape) / (n * c);
  const logical = stridesOf([n, c, positions]);
  const [images, channels, along] = [logical[0]!, logical[1]!, logical[2]!];
  const first = { offset: 0, strides: [images, along, channels] };
  const last = { offset: 0, strides: [images, c, 1] };
  return copyLaunch([n, positions, c], { array: to, ...(inwards ? last : first) }, { array: from, ...(inwards ? first : last) });
}
