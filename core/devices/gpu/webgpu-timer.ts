/**
 * Milliseconds by step from timestamps, which the GPU writes at the begin and the end of each compute pass. Browsers round them, mostly to
 * 0.1 ms: a short step is 0 in one run and 0.1 in the next, and right on the average.
 */
import type { Piece } from './webgpu-readback.ts';

/** GPUBufferUsage, which is a global in browsers only; the values are the specification's. */
const COPY_SOURCE = 0x4;
const QUERY_RESOLVE = 0x200;

/** Queries that every device lets a set have are 4,096, two for each pass; 8 bytes each. */
const PASSES_PER_SET = 2048;
const BYTES_PER_PASS = 16;

export class PassTimer {
  private readonly sets: readonly GPUQuerySet[];
  private readonly resolved: GPUBuffer;
  private readonly steps: number;
  /** The step of each pass that was begun. */
  private passes: number[] = [];

  /** For runs of at most so many passes as there are steps. */
  constructor(device: GPUDevice, steps: number) {
    this.steps = steps;
    this.sets = Array.from({ length: Math.ceil(steps / PASSES_PER_SET) }, (_, k) =>
      device.createQuerySet({ type: 'timestamp', count: 2 * Math.min(PASSES_PER_SET, steps - k * PASSES_PER_SET) }),
    );
    const size = Math.max(steps, 1) * BYTES_PER_PASS;
    this.resolved = device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SOURCE, label: 'timestamps' });
  }

  /** Begins the pass of a step; the first of a run forgets the run before. */
  begin(encoder: GPUCommandEncoder, step: number, first: boolean): GPUComputePassEncoder {
    if (first) this.passes = [];
    const pass = this.passes.push(step) - 1;
    const at = 2 * (pass % PASSES_PER_SET);
    const querySet = this.sets[Math.floor(pass / PASSES_PER_SET)]!;
    return encoder.beginComputePass({
      timestampWrites: { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
    });
  }

  /** Records how the timestamps come into a buffer; they lie there as integers of 64 bits. */
  resolve(encoder: GPUCommandEncoder): Piece {
    this.sets.forEach((set, k) => {
      const passes = Math.min(PASSES_PER_SET, this.passes.length - k * PASSES_PER_SET);
      if (passes > 0) encoder.resolveQuerySet(set, 0, 2 * passes, this.resolved, k * PASSES_PER_SET * BYTES_PER_PASS);
    });
    return { buffer: this.resolved, size: (this.passes.length * BYTES_PER_PASS) / 4 };
  }

  /** Milliseconds by step from what was read of that buffer. */
  times(read: Float32Array): number[] {
    const nanoseconds = new BigUint64Array(read.buffer, read.byteOffset, 2 * this.passes.length);
    const times: number[] = new Array(this.steps).fill(0);
    this.passes.forEach((step, pass) => {
      // A GPU may set its clock back.
      times[step] = Math.max(0, Number(nanoseconds[2 * pass + 1]! - nanoseconds[2 * pass]!) / 1e6);
    });
    return times;
  }

  destroy(): void {
    for (const set of this.sets) set.destroy();
    this.resolved.destroy();
  }
}
