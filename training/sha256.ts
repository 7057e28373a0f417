import { sha256 as hash } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** SHA-256 in hexadecimal without Node, and without crypto.subtle, which pages have over https only. */
export function sha256(pieces: readonly Uint8Array[]): string {
  const sum = hash.create();
  for (const piece of pieces) sum.update(piece);
  return bytesToHex(sum.digest());
}
