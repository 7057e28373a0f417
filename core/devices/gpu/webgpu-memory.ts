/**
 * Buffers on a WebGPU device. Slots and feeds come from one pool each, as large as the largest plan that has run: slot k of any plan
 * is buffer k. A State owns its buffer, which goes when the State is collected. WebGPU forbids reading and writing one buffer in one
 * dispatch, so slots are buffers and not pieces of one.
 */
import type { HostArray } from '../../host.ts';
import type { State } from '../../state.ts';
import { DeviceError } from '../device.ts';
import { failureOf, type Health } from './webgpu-health.ts';

/** GPUBufferUsage, which is a global in browsers only; the values are the specification's. */
const COPY_SOURCE = 0x4;
const COPY_DESTINATION = 0x8;
const UNIFORM = 0x40;
const STORAGE = 0x80;

/** A buffer may be missing after the device had no memory for it. */
export type Pool = (GPUBuffer | undefined)[];

export class DeviceMemory {
  readonly slots: Pool = [];
  readonly feeds: Pool = [];
  private readonly states = new WeakMap<State, GPUBuffer>();
  private readonly collected = new FinalizationRegistry<GPUBuffer>((buffer) => buffer.destroy());

  constructor(
    private readonly device: GPUDevice,
    private readonly health: Health,
  ) {}

  /** Lets the pool's first buffers hold as many elements as given. Rejects, naming what did not fit. */
  async reserve(pool: Pool, sizes: readonly number[], name: (index: number) => string): Promise<void> {
    const created: Promise<void>[] = [];
    for (const [k, size] of sizes.entries()) {
      if ((pool[k]?.size ?? 0) >= 4 * size) continue;
      pool[k]?.destroy();
      pool[k] = undefined;
      created.push(
        this.create(size, name(k), (buffer) => {
          pool[k] = buffer;
        }),
      );
    }
    if (created.length > 0) await this.health.guard(all(created));
  }

  /** Gives every State a buffer; a State that has none yet starts from its host value. Rejects, naming the State. */
  async reserveStates(states: readonly State[]): Promise<void> {
    const created = states.filter((state) => !this.states.has(state)).map((state) => this.adopt(state));
    if (created.length > 0) await this.health.guard(all(created));
  }

  private adopt(state: State): Promise<void> {
    return this.create(state.size, `State ${state.label}`, (buffer) => {
      if (buffer === undefined) {
        this.states.delete(state);
        return;
      }
      if (state.host !== undefined) this.upload(buffer, state.host);
      this.states.set(state, buffer);
      this.collected.register(state, buffer, buffer);
    });
  }

  /** The State's buffer, if it has been on this device. */
  state(state: State): GPUBuffer | undefined {
    return this.states.get(state);
  }

  upload(buffer: GPUBuffer, data: HostArray): void {
    this.device.queue.writeBuffer(buffer, 0, data instanceof Float32Array ? data : Float32Array.from(data));
  }

  uniform(data: Uint32Array<ArrayBuffer>, label: string): GPUBuffer {
    const buffer = this.device.createBuffer({ size: data.byteLength, usage: UNIFORM | COPY_DESTINATION, label });
    this.device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  }

  /** Hands a new buffer to `place` at once; takes it back, with undefined, when it turns out that there is no memory for it. */
  private async create(size: number, label: string, place: (buffer: GPUBuffer | undefined) => void): Promise<void> {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (4 * size > most)
      throw new DeviceError(
        `${label}: an array of ${4 * size} bytes was needed, but buffers of this WebGPU device hold ${most}; use a smaller batch, or the device cpu or reference`,
      );
    const { result: buffer, failure } = this.health.scoped(() => {
      const created = this.device.createBuffer({ size: 4 * size, usage: STORAGE | COPY_SOURCE | COPY_DESTINATION, label });
      place(created);
      return created;
    });
    const found = await failure;
    if (found === undefined) return;
    this.collected.unregister(buffer);
    place(undefined);
    buffer.destroy();
    throw failureOf(label, found);
  }
}

/** Waits for all of them even when one fails, so that none is left behind half-made. */
async function all(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') throw outcome.reason;
}
