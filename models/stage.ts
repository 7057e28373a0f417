import { type Module, Sequential } from '../nn/index.ts';

/** Blocks on maps of one size: the first takes the stride and the new width. `block` is given its input channels and stride. */
export function stage(
  blocks: number,
  channels: { readonly from: number; readonly to: number },
  stride: number,
  block: (inChannels: number, stride: number) => Module,
): Sequential {
  const rest = Array.from({ length: blocks - 1 }, () => () => block(channels.to, 1));
  return new Sequential(...[() => block(channels.from, stride), ...rest].map((build) => build()));
}
