/** What the page measures, row by row; rows of the same work stand beside each other. Known to the page and to what drives it. */

export type Framework = 'tapegrad' | 'jax-js' | 'tensorflow.js';

/** One piece of work, the same for every framework: a training step of resnet20, or a layer `CHAIN` times in a row. */
export interface Work {
  readonly kind: 'step' | 'convolution' | 'product' | 'batch norm';
  readonly batch: number;
  /** Of a layer, in and out. */
  readonly channels: number;
  /** Rows and columns of an image or a matrix. */
  readonly side: number;
}

export interface RowOrder {
  readonly title: string;
  readonly framework: Framework;
  readonly device: 'simd' | 'wasm' | 'webgpu';
  /** Undefined: as many as the framework takes by itself. */
  readonly threads?: number;
  readonly work: Work;
}

export interface Measurement {
  /** Of a step, or of one layer. */
  readonly milliseconds: number;
  /** On webgpu: the share of a step until its work is submitted, that is recording, keying, encoding and dispatch. */
  readonly dispatch?: number;
}

/** What a row came to: a measurement, or why there is none. */
export type Outcome = Measurement | { readonly failure: string };

/** Layers follow each other so often before anything is read back, so that reading weighs little. */
export const CHAIN = 4;

export const IMAGE_SIDE = 32;

const step = (batch: number): Work => ({ kind: 'step', batch, channels: 3, side: IMAGE_SIDE });

/** On the processor; `cores` is how many threads a page can have. */
export function simdOrders(cores: number): RowOrder[] {
  const own = (batch: number, threads: number): RowOrder => ({
    title: `resnet20 step, batch ${batch}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    framework: 'tapegrad',
    device: 'simd',
    threads,
    work: step(batch),
  });
  const jax: RowOrder = { title: 'resnet20 step, batch 32', framework: 'jax-js', device: 'wasm', work: step(32) };
  return [...(cores > 1 ? [own(32, 1)] : []), own(32, cores), jax, own(128, cores)];
}

/**
 * On the graphics adapter. A software adapter is told apart by its name; it gets small batches. Steps come last: what a row that took too
 * long has handed to the adapter goes on there.
 */
export function webgpuOrders(software: boolean): RowOrder[] {
  const batch = software ? 2 : 32;
  const layer = (title: string, work: Work): readonly [string, Work] => [title, work];
  const convolution = (channels: number, side: number): readonly [string, Work] =>
    layer(`convolution 3x3 ${channels}->${channels} at ${side}x${side}, batch ${batch}`, {
      kind: 'convolution',
      batch,
      channels,
      side,
    });
  const works = [
    convolution(16, 32),
    convolution(32, 16),
    convolution(64, 8),
    layer('matrix product 512x512x512', { kind: 'product', batch: 1, channels: 1, side: 512 }),
    layer(`batch norm 16 at 32x32, batch ${batch}`, { kind: 'batch norm', batch, channels: 16, side: 32 }),
    layer(`resnet20 step, batch ${batch}`, step(batch)),
  ];
  return works.flatMap(([title, work]) =>
    (['tapegrad', 'tensorflow.js', 'jax-js'] as const).map((framework) => ({
      title,
      framework,
      device: 'webgpu' as const,
      work,
    })),
  );
}
