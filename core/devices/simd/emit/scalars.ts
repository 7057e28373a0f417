/** 32-bit integers, for counters and addresses, and single floats. */
import { Expression } from './body.ts';
import { type Code, float, signed, unsigned } from './code.ts';

export type Int = I32 | number;
export const intCode = (x: Int): Code => (typeof x === 'number' ? [0x41, ...signed(x)] : x.code);
export const getLocal = (index: number): Code => [0x20, ...unsigned(index)];

/** A 32-bit integer. Division and comparison are signed; conditions are 0 or 1. */
export class I32 extends Expression {
  private op(opcode: number, y: Int): I32 {
    return new I32([this.code, intCode(y), opcode], [this, y]);
  }
  add(y: Int): I32 {
    return y === 0 ? this : this.op(0x6a, y);
  }
  sub(y: Int): I32 {
    return y === 0 ? this : this.op(0x6b, y);
  }
  mul(y: Int): I32 {
    return y === 1 ? this : this.op(0x6c, y);
  }
  div(y: Int): I32 {
    return y === 1 ? this : this.op(0x6d, y);
  }
  rem(y: Int): I32 {
    return this.op(0x6f, y);
  }
  and(y: Int): I32 {
    return this.op(0x71, y);
  }
  or(y: Int): I32 {
    return this.op(0x72, y);
  }
  xor(y: Int): I32 {
    return this.op(0x73, y);
  }
  shl(y: Int): I32 {
    return this.op(0x74, y);
  }
  /** Unsigned shift. */
  shr(y: Int): I32 {
    return this.op(0x76, y);
  }
  eq(y: Int): I32 {
    return this.op(0x46, y);
  }
  ne(y: Int): I32 {
    return this.op(0x47, y);
  }
  lt(y: Int): I32 {
    return this.op(0x48, y);
  }
  gt(y: Int): I32 {
    return this.op(0x4a, y);
  }
  le(y: Int): I32 {
    return this.op(0x4c, y);
  }
  ge(y: Int): I32 {
    return this.op(0x4e, y);
  }
  toF32(): F32 {
    return new F32([this.code, 0xb2], [this]);
  }
}

export class I32Var extends I32 {
  constructor(private readonly index: number) {
    super(getLocal(index), 'variable');
  }
  set(x: Int): void {
    this.store(this.index, intCode(x));
  }
  increase(x: Int): void {
    this.set(this.add(x));
  }
}

export type Scalar = F32 | number;
export const scalarCode = (x: Scalar): Code => (typeof x === 'number' ? [0x43, ...float(x)] : x.code);

/** A 32-bit float. */
export class F32 extends Expression {
  private op(opcode: number, y: Scalar): F32 {
    return new F32([this.code, scalarCode(y), opcode], [this, y]);
  }
  private test(opcode: number, y: Scalar): I32 {
    return new I32([this.code, scalarCode(y), opcode], [this, y]);
  }
  add(y: Scalar): F32 {
    return this.op(0x92, y);
  }
  sub(y: Scalar): F32 {
    return this.op(0x93, y);
  }
  mul(y: Scalar): F32 {
    return this.op(0x94, y);
  }
  div(y: Scalar): F32 {
    return this.op(0x95, y);
  }
  eq(y: Scalar): I32 {
    return this.test(0x5b, y);
  }
  ne(y: Scalar): I32 {
    return this.test(0x5c, y);
  }
  lt(y: Scalar): I32 {
    return this.test(0x5d, y);
  }
  gt(y: Scalar): I32 {
    return this.test(0x5e, y);
  }
  sqrt(): F32 {
    return new F32([this.code, 0x91], [this]);
  }
  /** Towards zero; 0 for NaN. */
  toI32(): I32 {
    return new I32([this.code, 0xfc, 0x00], [this]);
  }
}

export class F32Var extends F32 {
  constructor(private readonly index: number) {
    super(getLocal(index), 'variable');
  }
  set(x: Scalar): void {
    this.store(this.index, scalarCode(x));
  }
}

export function scalar(x: number): F32 {
  return new F32(scalarCode(x));
}
