/** simd without shared memory: the calling thread computes, over a memory that loses every view taken of it when it grows. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import { emitModule } from '../../../core/devices/simd/emit/index.ts';
import { EngineMemory } from '../../../core/devices/simd/memory.ts';
import { add, deviceName, relu, State, tensor, threadsInUse, useDevice } from '../../../core/index.ts';
import { record } from '../../../core/op.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';
import { opCases } from '../../support/opCases.ts';
import { randomArray } from '../../support/random.ts';
import { wild } from '../../support/wild.ts';

describe('simd on the calling thread', () => {
  let inPlace: SimdDevice;
  let threaded: SimdDevice;
  beforeAll(async () => {
    [inPlace, threaded] = await Promise.all([SimdDevice.open({}, false), SimdDevice.open({ threads: 2 })]);
  });
  afterAll(() => {
    inPlace.destroy();
    threaded.destroy();
  });

  it('has a memory that is not shared, and one thread', () => {
    expect(inPlace.threads).toBe(1);
    expect(inPlace.memory.memory.buffer).toBeInstanceOf(ArrayBuffer);
    expect(threaded.memory.memory.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('gives the bits of two threads in every op and its gradients', async () => {
    for (const { name, results } of opCases())
      expect(await evaluate(results, inPlace), name).toEqual(await evaluate(results, threaded));
  });

  it('keeps States and runs plans while its memory grows', async () => {
    const lengths = fc.array(fc.integer({ min: 2 ** 12, max: 2 ** 18 }), { minLength: 3, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer(), async (sizes, seed) => {
        const device = await SimdDevice.open({}, false);
        const arrays = sizes.map((size, k) => Float32Array.from(randomArray([size], seed + k)));
        const states = arrays.map((array) => new State(array));
        for (const [k, state] of states.entries()) {
          const [positive] = await evaluate([relu(tensor(arrays[k]!))], device);
          expect(positive!.every((value, i) => value === Math.max(arrays[k]![i]!, 0))).toBe(true);
          await device.download([state]);
        }
        const values = await device.download(states);
        values.forEach((value, k) => expect(value.every((each, i) => each === arrays[k]![i])).toBe(true));
        device.destroy();
      }),
      { numRuns: 5 },
    );
  });

  it('names the step of a trap, and runs other plans and the same one again', async () => {
    const x = tensor(new Float32Array(50), [50]);
    const prepared = await inPlace.prepare(planFor([record(wild, [x], {})], inPlace));
    for (let k = 0; k < 3; k++)
      await expect(prepared.run([new Float32Array(50)], [])).rejects.toThrow('wild: memory access out of bounds');
    expect((await evaluate([relu(x)], inPlace))[0]).toHaveLength(50);
  });

  it('lets timers have a turn with every plan', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const prepared = await inPlace.prepare(planFor([relu(tensor([1, -1]))], inPlace));
    for (let k = 0; k < 200; k++) await prepared.run([new Float32Array(2)], []);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it('rejects what is asked of it after a message that it cannot answer', async () => {
    const device = await SimdDevice.open({}, false);
    device.pool.tell({ kind: 'run', id: -1 });
    await expect(evaluate([relu(tensor([1]))], device)).rejects.toThrow(/^simd: .*call useDevice\('simd'\) again/);
  });

  it('refuses more threads than the one that sees the memory', async () => {
    await expect(SimdDevice.open({ threads: 2 }, false)).rejects.toThrow(
      /^useDevice: simd needs memory that threads share.*leave/,
    );
    await expect(SimdDevice.open({ threads: 0 }, false)).rejects.toThrow('needs to be a whole number of at least 1');
    expect((await SimdDevice.open({ threads: 1 }, false)).threads).toBe(1);
  });

  it('says what to do where no memory is reserved, or none is given', async () => {
    const { Memory } = WebAssembly;
    class Refused {
      constructor() {
        throw new RangeError('could not allocate memory');
      }
    }
    Reflect.set(WebAssembly, 'Memory', Refused);
    try {
      await expect(SimdDevice.open({}, false)).rejects.toThrow(
        'simd: the system reserves not even 0.50 GiB of address space for a memory; close other programs or tabs, or use cpu',
      );
    } finally {
      Reflect.set(WebAssembly, 'Memory', Memory);
    }
    const memory = new EngineMemory(false);
    Reflect.set(memory.memory, 'grow', () => {
      throw new RangeError('failed to grow memory');
    });
    expect(() => memory.allocate(2 ** 28, 'a test')).toThrow(
      'a test: the system refused 0.25 GiB of memory; use a smaller batch',
    );
  });

  it('says what to use where there is no WebAssembly', async () => {
    const { WebAssembly: there } = globalThis;
    Reflect.deleteProperty(globalThis, 'WebAssembly');
    try {
      await expect(SimdDevice.open({}, false)).rejects.toThrow(
        'useDevice: simd needs WebAssembly with SIMD, which is missing here or switched off; use webgpu, webgl2 or cpu',
      );
    } finally {
      Reflect.set(globalThis, 'WebAssembly', there);
    }
  });

  it('emits modules that take the one memory and not the other', async () => {
    const module = await WebAssembly.compile(emitModule({ relaxed: false, shared: false }, []));
    const link = (shared: boolean) => new WebAssembly.Instance(module, { env: { memory: new EngineMemory(shared).memory } });
    expect(link(false).exports.threadScratch).toBeInstanceOf(WebAssembly.Global);
    expect(() => link(true)).toThrow(WebAssembly.LinkError);
  });
});

describe('threadsInUse', () => {
  afterAll(() => useDevice('reference'));
  it.each([
    ['simd', 2],
    ['webasm', 2],
    ['reference', undefined],
    ['cpu', undefined],
  ] as const)('on %s', async (name, threads) => {
    await useDevice(name, { threads: 2 });
    await add(tensor([1]), 1).data();
    expect([deviceName(), threadsInUse()]).toEqual([name, threads]);
  });
});
