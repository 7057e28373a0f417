/** The emitter: what it writes runs, computes what TypeScript computes, and its guard catches expressions used too late. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as emit from '../../../core/devices/simd/emit/index.ts';
import { type Emittable, type F32x4, type I32, type I32Var, local, range } from '../../../core/devices/simd/emit/index.ts';

/** Runs one kernel over 64 KiB of shared memory. */
function runKernel(kernel: Emittable, memory: WebAssembly.Memory, ...parameters: number[]): void {
  const module = new WebAssembly.Module(emit.emitModule({ relaxed: false }, [kernel]));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports[kernel.name] as (...given: number[]) => void)(...parameters);
}

const newMemory = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });

const anInt32 = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 63, 64, -64, -65, 127, 128, 2 ** 31 - 1, -(2 ** 31)));

describe('integers', () => {
  const operations: Record<string, [(a: I32, b: I32) => I32, (a: number, b: number) => number]> = {
    add: [(a, b) => a.add(b), (a, b) => (a + b) | 0],
    sub: [(a, b) => a.sub(b), (a, b) => (a - b) | 0],
    mul: [(a, b) => a.mul(b), (a, b) => Math.imul(a, b)],
    and: [(a, b) => a.and(b), (a, b) => a & b],
    or: [(a, b) => a.or(b), (a, b) => a | b],
    xor: [(a, b) => a.xor(b), (a, b) => a ^ b],
    lt: [(a, b) => a.lt(b), (a, b) => Number(a < b)],
    ge: [(a, b) => a.ge(b), (a, b) => Number(a >= b)],
    eq: [(a, b) => a.eq(b), (a, b) => Number(a === b)],
    ne: [(a, b) => a.ne(b), (a, b) => Number(a !== b)],
    select: [(a, b) => emit.select(a.lt(b), a, b), Math.min],
  };
  it.each(Object.entries(operations))('%s, of parameters and of constants', (name, [write, expected]) => {
    fc.assert(
      fc.property(anInt32, anInt32, (a, b) => {
        const memory = newMemory();
        const kernel: Emittable = {
          name,
          parameters: 2,
          emit: (x, y) => {
            emit.storeF32(local(0), local(write(x!, y!)).and(0xffff).toF32());
            emit.storeF32(
              local(4),
              local(write(local(a), local(b)))
                .and(0xffff)
                .toF32(),
            );
          },
        };
        runKernel(kernel, memory, a, b);
        const [first, second] = new Float32Array(memory.buffer, 0, 2);
        expect([first, second]).toEqual([expected(a, b) & 0xffff, expected(a, b) & 0xffff]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('vectors', () => {
  const operations: Record<string, [(a: F32x4, b: F32x4) => F32x4, (a: number, b: number) => number]> = {
    add: [(a, b) => a.add(b), (a, b) => a + b],
    sub: [(a, b) => a.sub(b), (a, b) => a - b],
    mul: [(a, b) => a.mul(b), (a, b) => a * b],
    div: [(a, b) => a.div(b), (a, b) => a / b],
    max: [(a, b) => a.max(b), Math.max],
    min: [(a, b) => a.min(b), Math.min],
    'pmax keeps a NaN on the left': [(a, b) => a.pmax(b), (a, b) => (a < b ? b : a)],
    abs: [(a) => a.abs(), Math.abs],
    neg: [(a) => a.neg(), (a) => -a],
    sqrt: [(a) => a.sqrt(), Math.sqrt],
    choose: [(a, b) => a.le(b).choose(a, b), (a, b) => (a <= b ? a : b)],
    'integers and back': [(a) => a.toI32x4().shl(1).toF32x4(), (a) => (Number.isNaN(a) ? 0 : Math.trunc(a) * 2 + 0)],
    shuffle: [(a, b) => a.shuffle(b, [0, 1, 2, 3]), (a) => a],
    'a constant': [(a) => a.add(1.5), (a) => a + 1.5],
  };
  const aFloat = fc.oneof(fc.float({ min: -1000, max: 1000, noNaN: true }), fc.constantFrom(0, -0, Number.NaN));
  it.each(Object.entries(operations))('%s', (name, [write, expected]) => {
    fc.assert(
      fc.property(fc.array(aFloat, { minLength: 8, maxLength: 8 }), (values) => {
        const memory = newMemory();
        const array = new Float32Array(memory.buffer);
        array.set(values);
        runKernel({ name, parameters: 1, emit: (x) => emit.store(x!, write(emit.load(x!), emit.load(x!, 16)), 32) }, memory, 0);
        const result = [0, 1, 2, 3].map((k) => Math.fround(expected(array[k]!, array[k + 4]!)));
        expect([...array.slice(8, 12)]).toEqual(result);
      }),
      { numRuns: 50 },
    );
  });
});

describe('control', () => {
  it('range and when run in the kernel, also zero times', () => {
    const kernel: Emittable = {
      name: 'sumOfOdd',
      parameters: 1,
      emit: (n) => {
        const total = local(0);
        range(0, n!, 1, (i) =>
          emit.when(
            i.and(1),
            () => total.increase(i),
            () => total.increase(0),
          ),
        );
        emit.storeF32(local(0), total.toF32());
      },
    };
    const memory = newMemory();
    for (const [n, expected] of [
      [0, 0],
      [1, 0],
      [6, 9],
    ] as const) {
      runKernel(kernel, memory, n);
      expect(new Float32Array(memory.buffer)[0]).toBe(expected);
    }
  });

  it('a subroutine is written once and called', () => {
    let written = 0;
    const put = emit.subroutine('put', 2, (to, value) => {
      written++;
      emit.storeF32(to!, value!.toF32());
    });
    const memory = newMemory();
    runKernel(
      {
        name: 'twice',
        parameters: 0,
        emit: () => {
          put(0, 7);
          put(4, -300000);
        },
      },
      memory,
    );
    expect([...new Float32Array(memory.buffer, 0, 2)]).toEqual([7, -300000]);
    expect(written).toBe(1);
  });
});

describe('an expression used after its variable changed', () => {
  const write = (body: (p: I32Var) => void) => () =>
    emit.emitModule({ relaxed: false }, [{ name: 'late', parameters: 1, emit: (p) => body(p!) }]);
  it('throws', () => {
    expect(
      write((p) => {
        const next = p.add(4);
        p.increase(8);
        emit.loadF32(next);
      }),
    ).toThrow('bind it with local()');
  });
  it('throws across the turns of a loop', () => {
    expect(
      write((p) => {
        const next = p.add(4);
        range(0, 3, 1, () => {
          emit.loadF32(next);
          p.increase(8);
        });
      }),
    ).toThrow('written before the loop');
  });
  it('is fine once bound', () => {
    expect(
      write((p) => {
        const next = local(p.add(4));
        p.increase(8);
        emit.loadF32(next);
      }),
    ).not.toThrow();
  });
});

it('the relaxed form validates exactly where the engine has it', () => {
  expect(emit.hasSimd('plain')).toBe(true);
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 22) expect(emit.hasSimd('relaxed')).toBe(false);
});
