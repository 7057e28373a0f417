/** Vectors of four 32-bit floats or integers. */
import { Expression } from './body.ts';
import { type Code, float, vectorOp } from './code.ts';
import { F32, getLocal, intCode } from './scalars.ts';

export type Vector = F32x4 | number;
const repeat = (bytes: number[]): Code => [vectorOp(0x0c), bytes, bytes, bytes, bytes];
const vectorCode = (x: Vector): Code => (typeof x === 'number' ? repeat(float(x)) : x.code);
const integer = (x: number): number[] => [...new Uint8Array(Int32Array.of(x).buffer)];

/** Four 32-bit floats. A number stands for itself in all lanes. Comparisons give all bits of a lane or none. */
export class F32x4 extends Expression {
  private op(opcode: number, y: Vector): F32x4 {
    return new F32x4([this.code, vectorCode(y), vectorOp(opcode)], [this, y]);
  }
  private self(opcode: number): F32x4 {
    return new F32x4([this.code, vectorOp(opcode)], [this]);
  }
  private test(opcode: number, y: Vector): I32x4 {
    return new I32x4([this.code, vectorCode(y), vectorOp(opcode)], [this, y]);
  }
  add(y: Vector): F32x4 {
    return this.op(0xe4, y);
  }
  sub(y: Vector): F32x4 {
    return this.op(0xe5, y);
  }
  mul(y: Vector): F32x4 {
    return this.op(0xe6, y);
  }
  div(y: Vector): F32x4 {
    return this.op(0xe7, y);
  }
  min(y: Vector): F32x4 {
    return this.op(0xe8, y);
  }
  /** NaN where either is NaN. */
  max(y: Vector): F32x4 {
    return this.op(0xe9, y);
  }
  /** `this < y ? y : this`: keeps a NaN in `this`, and is faster than max. */
  pmax(y: Vector): F32x4 {
    return this.op(0xeb, y);
  }
  pmin(y: Vector): F32x4 {
    return this.op(0xea, y);
  }
  abs(): F32x4 {
    return this.self(0xe0);
  }
  neg(): F32x4 {
    return this.self(0xe1);
  }
  sqrt(): F32x4 {
    return this.self(0xe3);
  }
  nearest(): F32x4 {
    return this.self(0x6a);
  }
  eq(y: Vector): I32x4 {
    return this.test(0x41, y);
  }
  ne(y: Vector): I32x4 {
    return this.test(0x42, y);
  }
  lt(y: Vector): I32x4 {
    return this.test(0x43, y);
  }
  gt(y: Vector): I32x4 {
    return this.test(0x44, y);
  }
  le(y: Vector): I32x4 {
    return this.test(0x45, y);
  }
  ge(y: Vector): I32x4 {
    return this.test(0x46, y);
  }
  /** The same bits as integers. */
  bits(): I32x4 {
    return new I32x4(this.code, [this]);
  }
  /** Towards zero, saturating; 0 for NaN. */
  toI32x4(): I32x4 {
    return new I32x4([this.code, vectorOp(0xf8)], [this]);
  }
  lane(k: number): F32 {
    return new F32([this.code, vectorOp(0x1f), k], [this]);
  }
  /** Lanes picked from this (0 to 3) and from y (4 to 7). */
  shuffle(y: F32x4, lanes: readonly [number, number, number, number]): F32x4 {
    const bytes = lanes.flatMap((k) => [4 * k, 4 * k + 1, 4 * k + 2, 4 * k + 3]);
    return new F32x4([this.code, y.code, vectorOp(0x0d), bytes], [this, y]);
  }
}

export class F32x4Var extends F32x4 {
  constructor(private readonly index: number) {
    super(getLocal(index), 'variable');
  }
  set(x: Vector): void {
    this.store(this.index, vectorCode(x));
  }
}

/** Four 32-bit integers, or four masks. */
export class I32x4 extends Expression {
  private op(opcode: number, y: I32x4 | number): I32x4 {
    return new I32x4([this.code, typeof y === 'number' ? repeat(integer(y)) : y.code, vectorOp(opcode)], [this, y]);
  }
  add(y: I32x4 | number): I32x4 {
    return this.op(0xae, y);
  }
  sub(y: I32x4 | number): I32x4 {
    return this.op(0xb1, y);
  }
  and(y: I32x4 | number): I32x4 {
    return this.op(0x4e, y);
  }
  or(y: I32x4 | number): I32x4 {
    return this.op(0x50, y);
  }
  /** Bits that are set here and not in y. */
  andNot(y: I32x4): I32x4 {
    return this.op(0x4f, y);
  }
  eq(y: I32x4): I32x4 {
    return this.op(0x37, y);
  }
  shl(bits: number): I32x4 {
    return new I32x4([this.code, intCode(bits), vectorOp(0xab)], [this]);
  }
  /** Keeps the sign. */
  shr(bits: number): I32x4 {
    return new I32x4([this.code, intCode(bits), vectorOp(0xac)], [this]);
  }
  toF32x4(): F32x4 {
    return new F32x4([this.code, vectorOp(0xfa)], [this]);
  }
  /** The same bits as floats. */
  asF32x4(): F32x4 {
    return new F32x4(this.code, [this]);
  }
  /** `a` where this mask is set, else `b`. */
  choose(a: Vector, b: Vector): F32x4 {
    return new F32x4([vectorCode(a), vectorCode(b), this.code, vectorOp(0x52)], [a, b, this]);
  }
}

export class I32x4Var extends I32x4 {
  constructor(private readonly index: number) {
    super(getLocal(index), 'variable');
  }
  set(x: I32x4): void {
    this.store(this.index, x.code);
  }
}

/** A constant in all four lanes. */
export function splat(x: number): F32x4 {
  return new F32x4(vectorCode(x));
}

/** One float in all four lanes. */
export function broadcast(x: F32): F32x4 {
  return new F32x4([x.code, vectorOp(0x13)], [x]);
}
