/**
 * The function that is being written. Two kinds of time meet in a kernel: plain TypeScript (`for`, `if`, arrays, functions) runs once,
 * while the module is written; `range`, `when`, `set`, `load` and `store` leave instructions behind that run at every call. So a
 * TypeScript `for` unrolls, an array of variables is a register tile, and a function call is inlined.
 */
import { type Code, unsigned } from './code.ts';

export const TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type Kind = keyof typeof TYPES;

export interface Body {
  readonly parameters: number;
  readonly code: Code[];
  readonly locals: Kind[];
}

let current: Body | undefined;
/** Grows with every change of a variable. */
let clock = 0;
/** Loops that are open: when each began, and variables that an expression from before it reads inside. */
const loops: { readonly start: number; readonly frozen: Set<Expression> }[] = [];

function body(): Body {
  if (current === undefined) throw new Error('internal: instructions are emitted outside of a kernel');
  return current;
}

/** Writes a function of `parameters` 32-bit integers. */
export function writeBody(parameters: number, write: () => void): Body {
  const outer = current;
  const written: Body = { parameters, code: [], locals: [] };
  current = written;
  try {
    write();
  } finally {
    current = outer;
  }
  return written;
}

export function emit(...code: Code[]): void {
  body().code.push(...code);
}

/** The index of a new local variable. */
export function newLocal(kind: Kind): number {
  const { parameters, locals } = body();
  return parameters + locals.push(kind) - 1;
}

export function openLoop(): void {
  loops.push({ start: ++clock, frozen: new Set() });
}

export function closeLoop(): void {
  loops.pop();
}

/**
 * Code that runs where it is used, not where it is written, so the variables it reads must not have changed in between:
 * `const q = p.add(4); p.increase(8); load(q)` would read the new p. Such a use throws, also across the turns of a loop.
 */
export class Expression {
  /** The variables read, with the time of writing. */
  private readonly reads = new Map<Expression, number>();
  private changed = 0;

  constructor(
    private readonly bytes: Code,
    parts: readonly unknown[] | 'variable' = [],
  ) {
    if (parts === 'variable') {
      this.reads.set(this, Number.POSITIVE_INFINITY);
      return;
    }
    for (const part of parts) {
      if (!(part instanceof Expression)) continue;
      for (const [variable, time] of part.reads) {
        this.reads.set(variable, Math.min(time, this.reads.get(variable) ?? clock, clock));
      }
    }
  }

  get code(): Code {
    for (const [variable, time] of this.reads) {
      if (variable.changed > time)
        throw new Error('internal: a variable changed after this expression was written: bind it with local()');
      for (const loop of loops) if (time < loop.start) loop.frozen.add(variable);
    }
    return this.bytes;
  }

  /** Stores the top of the stack in local variable `index`. */
  protected store(index: number, value: Code): void {
    emit(value, [0x21, ...unsigned(index)]);
    if (loops.some(({ frozen }) => frozen.has(this)))
      throw new Error(
        'internal: a variable changes in a loop that uses an expression of it written before the loop: bind it with local()',
      );
    this.changed = ++clock;
  }
}
