/**
 * Weights as the tile wants them: panels of 16 output channels, and in each the taps in the order in which the input is walked,
 *
 *     packed[group][panel][i][j][k][16]
 *
 * with zeros where a panel has channels left over. Strides into the weight array choose what is an output channel and what is summed
 * over, so that the input gradient's transposed, flipped kernels are packed by the same loop.
 */
import { type I32Var, loadF32, local, range, scalar, storeF32, times, when } from './emit/index.ts';
import type { SimdKernel, SimdLaunch, SimdOperand } from './kernel.ts';
import { TILE_COLUMNS } from './tile.ts';

/** In elements of the weight array. */
export interface WeightView {
  readonly groups: number;
  /** Output channels of a group, and channels that each sums over. */
  readonly outputs: number;
  readonly inputs: number;
  readonly kernel: readonly [number, number];
  readonly offset: number;
  readonly strides: {
    readonly group: number;
    readonly output: number;
    readonly input: number;
    readonly i: number;
    readonly j: number;
  };
}

export function panelsOf(outputs: number): number {
  return Math.ceil(outputs / TILE_COLUMNS);
}

/** Floats of a panel. */
export function panelSize({ inputs, kernel }: WeightView): number {
  return kernel[0] * kernel[1] * inputs * TILE_COLUMNS;
}

export function packedSize(view: WeightView): number {
  return view.groups * panelsOf(view.outputs) * panelSize(view);
}

export function packLaunch(view: WeightView, weight: SimdOperand, packed: SimdOperand): SimdLaunch {
  const { groups, outputs, inputs, kernel, offset, strides } = view;
  const panels = panelsOf(outputs);
  const bytes = [strides.group, strides.output, strides.input, strides.i, strides.j].map((stride) => 4 * stride);
  return {
    kernel: packKernel,
    tasks: groups * panels,
    args: [panels, outputs, inputs, ...kernel, weight, 4 * offset, ...bytes, packed],
  };
}

/** task: group and panel | panels | outputs | inputs | i | j | weight | offset | byte strides of group, output, input, i, j | packed */
const packKernel: SimdKernel = {
  name: 'packWeights',
  parameters: 14,
  emit: (task, panels, outputs, inputs, rows, columns, weight, offset, ofGroup, ofOutput, ofInput, ofRow, ofColumn, packed) => {
    const group = local(task.div(panels!));
    const first = local(task.sub(group.mul(panels!)).mul(TILE_COLUMNS));
    const panel = local(weight!.add(offset!).add(group.mul(ofGroup!)).add(first.mul(ofOutput!)));
    const left = local(outputs!.sub(first));
    const size = local(
      rows!
        .mul(columns!)
        .mul(inputs!)
        .mul(4 * TILE_COLUMNS),
    );
    const to = local(packed!.add(task.mul(size)));
    const tapBytes = local(inputs!.mul(4 * TILE_COLUMNS));
    // Channels outermost: the taps of a kernel are neighbours in the weight array, so each cache line is read once.
    range(0, inputs!, 1, (k) => {
      const channel = local(panel.add(k.mul(ofInput!)));
      const target = local(to.add(k.mul(4 * TILE_COLUMNS)));
      range(0, rows!, 1, (i) => {
        range(0, columns!, 1, (j) => {
          packColumns(local(channel.add(i.mul(ofRow!)).add(j.mul(ofColumn!))), ofOutput!, left, target);
          target.increase(tapBytes);
        });
      });
    });
  },
};

function packColumns(from: I32Var, step: I32Var, left: I32Var, to: I32Var): void {
  times(TILE_COLUMNS, (lane) => {
    when(
      left.gt(lane),
      () => {
        storeF32(to, loadF32(from), 4 * lane);
        from.increase(step);
      },
      () => storeF32(to, scalar(0), 4 * lane),
    );
  });
}
