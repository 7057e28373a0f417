/** conv2d and its input gradient as direct correlations of a padded image with packed weights. */
import { zeroLaunch } from '../../../devices/simd/copy.ts';
import { type Correlation, correlateLaunch } from '../../../devices/simd/correlate.ts';
import type { SimdProgram } from '../../../devices/simd/kernel.ts';
import { packedSize, packLaunch, type WeightView } from '../../../devices/simd/pack.ts';
import type { Geometry, Pair } from '../geometry.ts';
import { frame } from './frame.ts';

const [PACKED, FRAMED] = [{ scratch: 0 }, { scratch: 1 }] as const;

export function directForward(geometry: Geometry): SimdProgram {
  const { n, c, h, w, o, y, x, stride, padding, groups } = geometry;
  const inputs = c / groups;
  const view = forwardWeights(geometry);
  const framed = frame({ n, h, w, c }, { input: 0 }, FRAMED, padding, padding);
  const row = framed.width * c;
  const correlation: Correlation = {
    images: n,
    size: [y, x],
    groups,
    outputs: o / groups,
    input: {
      array: framed.array,
      offset: 0,
      image: framed.height * row,
      row: stride[0] * row,
      pixel: stride[1] * c,
      group: inputs,
    },
    output: { array: 'output', offset: 0, image: y * x * o, row: x * o, pixel: o, group: o / groups },
    weights: PACKED,
    taps: tapsOf(geometry, row, c, inputs),
  };
  return {
    scratch: [packedSize(view), framed.size],
    threadScratch: 0,
    launches: [packLaunch(view, { input: 1 }, PACKED), ...framed.launches, correlateLaunch(correlation)],
    algorithm: 'direct',
  };
}

/** The weights as users give them, [o, c / groups, i, j]. */
export function forwardWeights({ c, o, i, j, groups }: Geometry): WeightView {
  const inputs = c / groups;
  return {
    groups,
    outputs: o / groups,
    inputs,
    kernel: [i, j],
    offset: 0,
    strides: { group: (o / groups) * inputs * i * j, output: inputs * i * j, input: i * j, i: j, j: 1 },
  };
}

/** With neighbouring taps in one piece of memory a kernel row is one run, else each tap is. */
function tapsOf({ i, j, dilation, groups }: Geometry, row: number, channels: number, inputs: number): Correlation['taps'] {
  const together = groups === 1 && dilation[1] === 1;
  return {
    rows: i,
    runs: together ? 1 : j,
    length: together ? j * channels : inputs,
    rowStride: dilation[0] * row,
    runStride: dilation[1] * channels,
  };
}

/**
 * dx as a correlation of dy with the kernels flipped and their channels swapped. With stride s the dx at h = r (mod s) see only every
 * s-th tap: each of these phases is a small correlation of its own with stride 1. Where dilation interferes, dy is spread by zeros.
 */
export function directInputGradient(geometry: Geometry): SimdProgram {
  const { stride, dilation } = geometry;
  const apart = dilation.every((each, axis) => each === 1 || stride[axis] === 1);
  return apart ? byPhases(geometry) : bySpreading(geometry);
}

function bySpreading(geometry: Geometry): SimdProgram {
  const { n, c, h, w, o, i, j, y, x, stride, padding, dilation, groups } = geometry;
  const view = gradientWeights(geometry, [0, 0], [1, 1], [i, j]);
  const before: Pair = [dilation[0] * (i - 1) - padding[0], dilation[1] * (j - 1) - padding[1]];
  const after: Pair = [
    h + dilation[0] * (i - 1) - before[0] - ((y - 1) * stride[0] + 1),
    w + dilation[1] * (j - 1) - before[1] - ((x - 1) * stride[1] + 1),
  ];
  const framed = frame({ n, h: y, w: x, c: o }, { input: 0 }, FRAMED, before, after, stride);
  const row = framed.width * o;
  const correlation: Correlation = {
    images: n,
    size: [h, w],
    groups,
    outputs: c / groups,
    input: { array: framed.array, offset: 0, image: framed.height * row, row, pixel: o, group: o / groups },
    output: { array: 'output', offset: 0, image: h * w * c, row: w * c, pixel: c, group: c / groups },
    weights: PACKED,
    taps: tapsOf(geometry, row, o, o / groups),
  };
  return {
    scratch: [packedSize(view), framed.size],
    threadScratch: 0,
    launches: [packLaunch(view, { input: 1 }, PACKED), ...framed.launches, correlateLaunch(correlation)],
    algorithm: 'direct, dy spread by zeros',
  };
}

/** The taps first, first + step, ... of each axis, flipped, as weights of the gradient. */
export function gradientWeights({ c, o, i, j, groups }: Geometry, first: Pair, step: Pair, count: Pair): WeightView {
  const inputs = c / groups;
  const last = [first[0] + (count[0] - 1) * step[0], first[1] + (count[1] - 1) * step[1]] as const;
  return {
    groups,
    outputs: inputs,
    inputs: o / groups,
    kernel: count,
    offset: last[0] * j + last[1],
    strides: { group: (o / groups) * inputs * i * j, output: i * j, input: inputs * i * j, i: -step[0] * j, j: -step[1] },
  };
}

/** One axis of a phase: which taps it sees, how many dx it has, and where the first of them begins to read dy. */
interface PhaseAxis {
  readonly phase: number;
  readonly first: number;
  readonly count: number;
  readonly length: number;
  readonly start: number;
}

function phaseAxis(phase: number, length: number, kernel: number, stride: number, padding: number, dilation: number): PhaseAxis {
  const first = (phase + padding) % stride;
  const count = kernel > first ? Math.floor((kernel - 1 - first) / stride) + 1 : 0;
  const last = first + (count - 1) * stride;
  // h + p = y s + i d: the dx of smallest h in the phase reads, through its last tap, row (h + p - last d) / s of dy first.
  return {
    phase,
    first,
    count,
    length: Math.ceil((length - phase) / stride),
    start: (phase + padding - last * dilation) / stride,
  };
}

function byPhases(geometry: Geometry): SimdProgram {
  const { n, c, h, w, o, i, j, y, x, stride, padding, dilation, groups } = geometry;
  const axes = (axis: 0 | 1): PhaseAxis[] => {
    const [length, kernel] = axis === 0 ? [h, i] : [w, j];
    return Array.from({ length: Math.min(stride[axis], length) }, (_, phase) =>
      phaseAxis(phase, length, kernel, stride[axis], padding[axis], dilation[axis]),
    );
  };
  const phases = axes(0).flatMap((vertical) => axes(1).map((horizontal) => [vertical, horizontal] as const));
  const live = phases.filter(([vertical, horizontal]) => vertical.count > 0 && horizontal.count > 0);
  const zeros = zeroLaunch('output', n * h * w * c);
  if (live.length === 0) return { scratch: [], threadScratch: 0, launches: [zeros], algorithm: 'direct' };
  const edge = (axis: 0 | 1, least: (phase: PhaseAxis) => number): number => Math.max(...live.map((phase) => least(phase[axis])));
  const before: Pair = [edge(0, ({ start }) => -start), edge(1, ({ start }) => -start)];
  const reach = ({ start, length, count }: PhaseAxis, spacing: number): number => start + length + (count - 1) * spacing;
  const after: Pair = [edge(0, (phase) => reach(phase, dilation[0])) - y, edge(1, (phase) => reach(phase, dilation[1])) - x];
  const framed = frame({ n, h: y, w: x, c: o }, { input: 0 }, FRAMED, before, after);
  const row = framed.width * o;
  const views = live.map(([vertical, horizontal]) =>
    gradientWeights(geometry, [vertical.first, horizontal.first], stride, [vertical.count, horizontal.count]),
  );
  const packed = views.map((_, k) => (k === 0 ? PACKED : { scratch: k + 1 }));
  const correlations = live.map(([vertical, horizontal], k): Correlation => {
    return {
      images: n,
      size: [vertical.length, horizontal.length],
      groups,
      outputs: c / groups,
      input: {
        array: framed.array,
        offset: (vertical.start + before[0]) * row + (horizontal.start + before[1]) * o,
        image: framed.height * row,
        row,
        pixel: o,
        group: o / groups,
      },
      output: {
        array: 'output',
        offset: (vertical.phase * w + horizontal.phase) * c,
        image: h * w * c,
        row: stride[0] * w * c,
        pixel: stride[1] * c,
        group: c / groups,
      },
      weights: packed[k]!,
      taps: tapsOf({ ...geometry, i: vertical.count, j: horizontal.count }, row, o, o / groups),
    };
  });
  return {
    scratch: [packedSize(views[0]!), framed.size, ...views.slice(1).map(packedSize)],
    threadScratch: 0,
    launches: [
      ...(live.length < phases.length ? [zeros] : []),
      ...views.map((view, k) => packLaunch(view, { input: 1 }, packed[k]!)),
      ...framed.launches,
      ...correlations.map(correlateLaunch),
    ],
    algorithm: 'direct',
  };
}
