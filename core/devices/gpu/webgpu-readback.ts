/**
 * Reads pieces of WebGPU buffers back: copied one after another into one staging buffer, which is mapped once.
 */
import type { State } from '../../state.ts';
import { failureOf, type Health } from './webgpu-health.ts';
import type { DeviceMemory } from './webgpu-memory.ts';

/** GPUMapMode and GPUBufferUsage, which are globals in browsers only; the values are the specification's. */
const MAP_MODE_READ = 0x1;
const MAP_READ = 0x1;
const COPY_DESTINATION = 0x8;

/** Bytes that a download stages at once, where one State is not larger by itself. */
const DOWNLOAD_BYTES = 2 ** 26;

/** The first elements of a buffer. */
export interface Piece {
  readonly buffer: GPUBuffer;
  readonly size: number;
}

export class Readback {
  /** Kept between runs; whoever reads takes it, and a second reader makes one more. */
  private spare: GPUBuffer | undefined;

  constructor(
    private readonly device: GPUDevice,
    private readonly health: Health,
  ) {}

  /** Records the copies of the pieces, and returns how to get their numbers once the commands are submitted. */
  stage(encoder: GPUCommandEncoder, pieces: readonly Piece[]): () => Promise<Float32Array[]> {
    if (pieces.length === 0) return () => this.device.queue.onSubmittedWorkDone().then(() => []);
    const staging = this.take(bytesOf(pieces));
    let at = 0;
    for (const { buffer, size } of pieces) {
      encoder.copyBufferToBuffer(buffer, 0, staging, at, 4 * size);
      at += 4 * size;
    }
    return () => this.fetch(staging, pieces);
  }

  /** The values of States. One that never was on the device is on the host still. */
  async download(states: readonly State[], memory: DeviceMemory): Promise<Float32Array[]> {
    const values = new Map<State, Float32Array>();
    for (const group of groupsOf(states.flatMap((state) => pieceOf(state, memory)))) {
      const fetched = await this.fetchNow(group);
      for (const [k, { state }] of group.entries()) values.set(state, fetched[k]!);
    }
    return states.map((state) => values.get(state) ?? hostValue(state));
  }

  private async fetchNow(pieces: readonly Piece[]): Promise<Float32Array[]> {
    const { result, failure } = this.health.scoped(() => {
      const encoder = this.device.createCommandEncoder();
      const fetch = this.stage(encoder, pieces);
      this.device.queue.submit([encoder.finish()]);
      return fetch();
    });
    const outcome = await this.health.outcome(failure, result);
    if (outcome.found !== undefined) throw failureOf('download of States', outcome.found);
    return outcome.values;
  }

  private take(bytes: number): GPUBuffer {
    const { spare } = this;
    this.spare = undefined;
    if (spare !== undefined && spare.size >= bytes) return spare;
    spare?.destroy();
    return this.device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DESTINATION, label: 'values read back' });
  }

  private async fetch(staging: GPUBuffer, pieces: readonly Piece[]): Promise<Float32Array[]> {
    try {
      await staging.mapAsync(MAP_MODE_READ, 0, bytesOf(pieces));
    } catch (error) {
      staging.destroy();
      throw error;
    }
    const range = staging.getMappedRange(0, bytesOf(pieces));
    let at = 0;
    const values = pieces.map(({ size }) => {
      at += 4 * size;
      return new Float32Array(range, at - 4 * size, size).slice();
    });
    staging.unmap();
    if (this.spare === undefined) this.spare = staging;
    else staging.destroy();
    return values;
  }
}

export function bytesOf(pieces: readonly Pick<Piece, 'size'>[]): number {
  return pieces.reduce((sum, { size }) => sum + 4 * size, 0);
}

interface StatePiece extends Piece {
  readonly state: State;
}

function pieceOf(state: State, memory: DeviceMemory): StatePiece[] {
  const buffer = memory.state(state);
  return buffer === undefined ? [] : [{ state, buffer, size: state.size }];
}

function hostValue(state: State): Float32Array {
  return state.host === undefined ? new Float32Array(state.size) : Float32Array.from(state.host);
}

/** Runs of pieces that are staged together. */
function groupsOf(pieces: readonly StatePiece[]): StatePiece[][] {
  const groups: StatePiece[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const piece of pieces) {
    bytes += 4 * piece.size;
    if (bytes > DOWNLOAD_BYTES) {
      groups.push([]);
      bytes = 4 * piece.size;
    }
    groups.at(-1)!.push(piece);
  }
  return groups;
}
