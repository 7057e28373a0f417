const RECORD = 1 + 3 * 32 * 32;

/** So many images in CIFAR-10's form: each class has a shade of its own, so there is something to learn. */
export function cifarFile(count: number): Uint8Array {
  const bytes = new Uint8Array(count * RECORD);
  for (let k = 0; k < count; k++) {
    bytes[k * RECORD] = k % 10;
    for (let p = 1; p < RECORD; p++) bytes[k * RECORD + p] = 20 * (k % 10) + ((p * 31 + k * 17) % 40);
  }
  return bytes;
}
