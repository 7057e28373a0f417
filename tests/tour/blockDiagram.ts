/** The residual block of docs/tour.md, drawn from the tape of one. */
import { type Tensor, tensor } from '../../core/index.ts';
import { tapeOf } from '../../core/tape.ts';
import { BasicBlock } from '../../nn/index.ts';
import { arrow, detour, drawing, FORWARD, LEAF, rectangle, text } from './svg.ts';

const [WIDTH, HEIGHT, GAP, TOP] = [86, 48, 18, 92];

/** The image and the ops in the order of recording; an input that is not the op before goes past those between. */
export function blockDiagram(): string {
  const x = tensor(new Float32Array(2 * 4 * 16), [2, 4, 4, 4]);
  const nodes = tapeOf(new BasicBlock(4, 4).forward(x)).filter(({ source }) => source.kind !== 'state');
  const left = (node: Tensor): number => 24 + nodes.indexOf(node) * (WIDTH + GAP);
  const boxes = nodes.flatMap((node) => {
    const name = node.source.kind === 'op' ? node.source.op.name : 'x';
    const center = left(node) + WIDTH / 2;
    return [
      rectangle(left(node), TOP, WIDTH, HEIGHT, name === 'x' ? LEAF : FORWARD),
      text(center, TOP + (node.label === '' ? 24 : 16), name),
      ...(node.label === '' ? [] : [text(center, TOP + 33, node.label)]),
    ];
  });
  const arrows = nodes.flatMap((node, k) =>
    imagesOf(node, nodes).map((input) => {
      const distance = k - nodes.indexOf(input);
      if (distance === 1) return arrow(left(input) + WIDTH, TOP + HEIGHT / 2, left(node) - 2, TOP + HEIGHT / 2);
      const [from, to] = [left(input) + WIDTH / 2 + 8, left(node) + WIDTH / 2 - 8];
      return detour(from, TOP, TOP - (distance > 2 ? 54 : 22), to, TOP - 2);
    }),
  );
  const end = left(nodes.at(-1)!) + WIDTH;
  return drawing(end + 24, TOP + HEIGHT + 24, 'The tape of a residual block', [
    text(end / 2, 22, 'the shortcut'),
    ...arrows,
    ...boxes,
  ]);
}

function imagesOf({ source }: Tensor, nodes: readonly Tensor[]): Tensor[] {
  return source.kind === 'op' ? source.inputs.filter((input) => nodes.includes(input)) : [];
}
