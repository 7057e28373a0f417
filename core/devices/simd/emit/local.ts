/** Variables of a kernel. */
import { newLocal } from './body.ts';
import { F32, F32Var, I32Var, type Int } from './scalars.ts';
import { F32x4, F32x4Var, I32x4, I32x4Var } from './vectors.ts';

/** A new variable with a first value. */
export function local(init: F32x4): F32x4Var;
export function local(init: I32x4): I32x4Var;
export function local(init: F32): F32Var;
export function local(init: Int): I32Var;
export function local(init: Int | F32 | F32x4 | I32x4): I32Var | F32Var | F32x4Var | I32x4Var {
  if (init instanceof F32x4) return bound(new F32x4Var(newLocal('v128')), init);
  if (init instanceof I32x4) return bound(new I32x4Var(newLocal('v128')), init);
  if (init instanceof F32) return bound(new F32Var(newLocal('f32')), init);
  return bound(new I32Var(newLocal('i32')), init);
}

function bound<Value, Variable extends { set(value: Value): void }>(variable: Variable, init: Value): Variable {
  variable.set(init);
  return variable;
}
