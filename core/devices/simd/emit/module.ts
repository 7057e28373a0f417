/** From kernels to the bytes of a module that imports a memory. */
import { type Body, emit, TYPES, writeBody } from './body.ts';
import { type Code, flatten, list, name, sized, unsigned, vectorOp } from './code.ts';
import { I32, I32Var, type Int, intCode } from './scalars.ts';
import { F32x4 } from './vectors.ts';

export interface EmitOptions {
  /** Multiplies and adds with one rounding where the engine has relaxed SIMD. */
  readonly relaxed: boolean;
  /** Whether the memory is one that threads share; it is unless this says otherwise. */
  readonly shared?: boolean;
}

/** A function that a module exports. All parameters are 32-bit integers. */
export interface Emittable {
  readonly name: string;
  readonly parameters: number;
  emit(...parameters: I32Var[]): void;
}

interface Written {
  readonly name: string;
  readonly body: Body;
}

let functions: Written[] = [];
let relaxedForm = false;

/** The address of memory that belongs to the running thread: a global of each instance. */
export const threadScratch: I32 = new I32([0x23, 0x00]);

/** accumulator + a * b */
export function multiplyAdd(a: F32x4, b: F32x4, accumulator: F32x4): F32x4 {
  if (!relaxedForm) return accumulator.add(a.mul(b));
  return new F32x4([a.code, b.code, accumulator.code, vectorOp(0x105)], [a, b, accumulator]);
}

/**
 * A function beside the kernels, for inner loops that deserve registers of their own: calling the result emits a call. It is written
 * into the module at the first call.
 */
export function subroutine(
  label: string,
  parameters: number,
  write: (...parameters: I32Var[]) => void,
): (...parameters: Int[]) => void {
  return (...given) => {
    if (given.length !== parameters) throw new Error(`internal: ${label} takes ${parameters} parameters`);
    const index = writeFunction(label, parameters, write);
    emit(...given.map(intCode), [0x10, ...unsigned(index)]);
  };
}

function writeFunction(label: string, parameters: number, write: (...parameters: I32Var[]) => void): number {
  const known = functions.findIndex((written) => written.name === label);
  if (known >= 0) return known;
  const body = writeBody(parameters, () => write(...Array.from({ length: parameters }, (_, k) => new I32Var(k))));
  return functions.push({ name: label, body }) - 1;
}

/** The module with these kernels, each exported by its name; equal names are written once. Imports `env.memory`. */
export function emitModule(options: EmitOptions, kernels: readonly Emittable[], maximumPages = 65536): Uint8Array<ArrayBuffer> {
  functions = [];
  relaxedForm = options.relaxed;
  const limits = options.shared === false ? 0x01 : 0x03;
  for (const kernel of kernels) writeFunction(kernel.name, kernel.parameters, (...parameters) => kernel.emit(...parameters));
  const section = (id: number, content: Code): Code => [id, sized(content)];
  const names = functions.map((written, k): Code => [unsigned(k), name(written.name)]);
  return Uint8Array.from(
    flatten([
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, list(functions.map(({ body }) => [0x60, list(new Array(body.parameters).fill(TYPES.i32)), 0]))),
      section(2, list([[name('env'), name('memory'), 0x02, limits, unsigned(1), unsigned(maximumPages)]])),
      section(3, list(functions.map((_, k) => unsigned(k)))),
      section(6, list([[TYPES.i32, 0x01, 0x41, 0x00, 0x0b]])),
      section(
        7,
        list([
          ...functions.map((written, k): Code => [name(written.name), 0x00, unsigned(k)]),
          [name('threadScratch'), 0x03, 0x00],
        ]),
      ),
      section(10, list(functions.map(({ body }) => sized([locals(body), body.code, 0x0b])))),
      section(0, [name('name'), 0x01, sized(list(names))]),
    ]),
  );
}

/** Runs of one type are declared together. */
function locals({ locals: kinds }: Body): Code {
  const runs: { kind: number; count: number }[] = [];
  for (const kind of kinds) {
    const last = runs.at(-1);
    if (last?.kind === TYPES[kind]) last.count += 1;
    else runs.push({ kind: TYPES[kind], count: 1 });
  }
  return list(runs.map(({ kind, count }) => [unsigned(count), kind]));
}

/** Whether this engine has SIMD, plain or relaxed, as it is: no flag is ever set. */
export function hasSimd(form: 'plain' | 'relaxed'): boolean {
  const probe: Emittable = {
    name: 'probe',
    parameters: 0,
    emit: () => {
      const zero = new F32x4([vectorOp(0x0c), new Array<number>(16).fill(0)]);
      emit(multiplyAdd(zero, zero, zero).code, [0x1a]);
    },
  };
  return (
    typeof WebAssembly !== 'undefined' &&
    WebAssembly.validate(emitModule({ relaxed: form === 'relaxed', shared: false }, [probe]))
  );
}
