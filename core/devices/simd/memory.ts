/**
 * The engine's memory: one WebAssembly memory, shared where there are threads, cut into blocks by first fit. Every block begins at a
 * multiple of 64 bytes and has 64 bytes to spare behind it, so that kernels may load and store whole vectors at the end of an array.
 */
import { MemoryError } from '../device.ts';

const PAGE = 65536;
const ALIGNMENT = 64;
/** Bytes that any block may be overrun by. */
const SPARE = 64;
/** Tried one after another: some systems refuse to reserve the largest. */
const MAXIMUM_PAGES = [65536, 49152, 32768, 16384, 8192];

/** Bytes of a block that holds `floats` numbers. */
export function blockBytes(floats: number): number {
  return Math.ceil((floats * 4 + SPARE) / ALIGNMENT) * ALIGNMENT;
}

/** For messages. */
export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

interface Block {
  readonly address: number;
  readonly bytes: number;
}

export class EngineMemory {
  readonly memory: WebAssembly.Memory;
  readonly maximumBytes: number;
  /** Ascending, never touching each other. */
  private free: Block[] = [];
  private end = ALIGNMENT;

  constructor(readonly shared: boolean) {
    const { memory, pages } = reserve(shared);
    this.memory = memory;
    this.maximumBytes = pages * PAGE - PAGE;
  }

  /** Address of a new block; what it holds is not defined. Throws a DeviceError when `what` does not fit. */
  allocate(bytes: number, what: string): number {
    const k = this.free.findIndex((block) => block.bytes >= bytes);
    if (k >= 0) {
      const block = this.free[k]!;
      if (block.bytes === bytes) this.free.splice(k, 1);
      else this.free[k] = { address: block.address + bytes, bytes: block.bytes - bytes };
      return block.address;
    }
    const last = this.free.at(-1);
    const atEnd = last !== undefined && last.address + last.bytes === this.end;
    const address = atEnd ? last.address : this.end;
    this.growTo(address + bytes, what);
    if (atEnd) this.free.pop();
    this.end = address + bytes;
    return address;
  }

  release(address: number, bytes: number): void {
    const at = this.free.findIndex((block) => block.address > address);
    const index = at < 0 ? this.free.length : at;
    let merged: Block = { address, bytes };
    const [before, after] = [this.free[index - 1], this.free[index]];
    let [from, count] = [index, 0];
    if (after !== undefined && address + bytes === after.address) {
      merged = { address, bytes: bytes + after.bytes };
      count += 1;
    }
    if (before !== undefined && before.address + before.bytes === address) {
      merged = { address: before.address, bytes: before.bytes + merged.bytes };
      from -= 1;
      count += 1;
    }
    this.free.splice(from, count, merged);
  }

  /** A view of `length` numbers at an address. Memory that is not shared empties every view of it when it grows, so keep none. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  integers(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  private growTo(bytes: number, what: string): void {
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    if (bytes > this.maximumBytes) {
      throw new MemoryError(
        `${what} would bring the memory of device simd to ${gibibytes(bytes)}, and it holds ${gibibytes(this.maximumBytes)} at most; use a smaller batch or a smaller model`,
      );
    }
    try {
      this.memory.grow(missing);
    } catch {
      throw new MemoryError(`${what}: the system refused ${gibibytes(bytes)} of memory; use a smaller batch or a smaller model`);
    }
  }
}

function reserve(shared: boolean): { memory: WebAssembly.Memory; pages: number } {
  for (const pages of MAXIMUM_PAGES) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 16, maximum: pages, shared }), pages };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new MemoryError(
    `useDevice: simd: the system reserves not even ${gibibytes(MAXIMUM_PAGES.at(-1)! * PAGE)} of address space for a memory; close other programs or tabs, or use cpu or reference`,
  );
}
