/** Bytes of a WebAssembly module, nested as the text is and laid out once at the end. */
export type Code = readonly (number | Code)[];

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 127;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 128);
  } while (rest !== 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit integer. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 127;
    rest >>= 7;
    const done = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0);
    bytes.push(done ? low : low | 128);
    if (done) return bytes;
  }
}

export function float(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** An instruction of the vector extension. */
export function vectorOp(opcode: number): number[] {
  return [0xfd, ...unsigned(opcode)];
}

export function flatten(code: Code, bytes: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') bytes.push(part);
    else flatten(part, bytes);
  }
  return bytes;
}

/** A list with its length in front. */
export function list(items: Code): Code {
  return [unsigned(items.length), items];
}

/** Bytes with their number in front. */
export function sized(code: Code): Code {
  const bytes = flatten(code);
  return [unsigned(bytes.length), bytes];
}

export function name(text: string): Code {
  return sized([...new TextEncoder().encode(text)]);
}
