/** Loads and stores. Addresses are in bytes; `offset` is a constant added to one. */
import { emit } from './body.ts';
import { type Code, unsigned, vectorOp } from './code.ts';
import { local } from './local.ts';
import { F32, type F32Var, I32, type I32Var, type Int, intCode } from './scalars.ts';
import { F32x4, type F32x4Var } from './vectors.ts';

const at = (offset: number): Code => [0, ...unsigned(offset)];

// A load happens where it is written, so that a later store cannot change it: its result is a variable.

/** Four floats; they need no alignment. */
export function load(address: I32, offset = 0): F32x4Var {
  return local(new F32x4([address.code, vectorOp(0x00), at(offset)], [address]));
}

/** One float in all four lanes. */
export function loadSplat(address: I32, offset = 0): F32x4Var {
  return local(new F32x4([address.code, vectorOp(0x09), at(offset)], [address]));
}

export function loadF32(address: I32, offset = 0): F32Var {
  return local(new F32([address.code, 0x2a, at(offset)], [address]));
}

export function loadI32(address: I32, offset = 0): I32Var {
  return local(new I32([address.code, 0x28, at(offset)], [address]));
}

export function store(address: I32, value: F32x4, offset = 0): void {
  emit(address.code, value.code, vectorOp(0x0b), at(offset));
}

/** Stores one lane of a vector: the ends of rows that are not a multiple of four. */
export function storeLane(address: I32, value: F32x4, lane: number, offset = 0): void {
  emit(address.code, value.code, vectorOp(0x5a), at(offset), [lane]);
}

export function storeF32(address: I32, value: F32, offset = 0): void {
  emit(address.code, value.code, [0x38], at(offset));
}

/** Sets `bytes` bytes to 0. */
export function zeroFill(address: I32, bytes: Int): void {
  emit(address.code, intCode(0), intCode(bytes), [0xfc, 0x0b, 0x00]);
}

/** Copies `bytes` bytes. */
export function copyBytes(to: I32, from: I32, bytes: Int): void {
  emit(to.code, from.code, intCode(bytes), [0xfc, 0x0a, 0x00, 0x00]);
}
