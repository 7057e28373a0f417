/** resnet20 in evaluation mode as an ONNX file: the few messages of onnx.proto3 that it takes, written as protocol buffers. */
import { BLOCKS, CLASSES, CONVOLUTIONS, kernelScale, SIDE, values } from './network.mjs';

const FLOAT = 1;
const INT64 = 7;

/** A message as a list of fields: [number, value], numbers as varints, strings and bytes with their length in front. */
function message(fields) {
  return Buffer.concat(
    fields.map(([field, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(field << 3), ...varint(value)]);
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

function varint(value) {
  const bytes = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

const bytesOf = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
const tensor = (name, type, dims, data) => message([...dims.map((dim) => [1, dim]), [2, type], [8, name], [9, bytesOf(data)]]);
const integers = (name, list) => message([[1, name], ...list.map((each) => [8, each]), [20, 7]]);
const node = (op, inputs, output, attributes = []) =>
  message([...inputs.map((input) => [1, input]), [2, output], [4, op], ...attributes.map((each) => [5, each])]);
const value = (name, dims) =>
  message([
    [1, name],
    [
      2,
      message([
        [
          1,
          message([
            [1, FLOAT],
            [2, message(dims.map((dim) => [1, message([[1, dim]])]))],
          ]),
        ],
      ]),
    ],
  ]);

export function resnet20Onnx(batch) {
  const [nodes, weights] = [[], []];
  const constant = (name, dims, data) => weights.push(tensor(name, FLOAT, dims, data));
  const indices = (name, list) => weights.push(tensor(name, INT64, [list.length], BigInt64Array.from(list.map(BigInt))));
  const add = (op, inputs, output, attributes) => {
    nodes.push(node(op, inputs, output, attributes));
    return output;
  };
  const layer = (k, x, stride) => {
    const { from, to } = CONVOLUTIONS[k];
    constant(`w${k}`, [to, from, 3, 3], values(9 * from * to, kernelScale(from)));
    ['scale', 'shift', 'mean', 'variance'].forEach((name, at) =>
      constant(`${name}${k}`, [to], new Float32Array(to).fill(at % 3 === 0 ? 1 : 0)),
    );
    const attributes = [integers('strides', [stride, stride]), integers('pads', [1, 1, 1, 1])];
    const y = add('Conv', [x, `w${k}`], `conv${k}`, attributes);
    return add('BatchNormalization', [y, ...['scale', 'shift', 'mean', 'variance'].map((name) => `${name}${k}`)], `norm${k}`);
  };
  indices('starts', [0, 0]);
  indices('ends', [SIDE, SIDE]);
  indices('axes', [2, 3]);
  indices('steps', [2, 2]);
  let x = add('Relu', [layer(0, 'images', 1)], 'stem');
  BLOCKS.forEach(({ from, to, stride }, k) => {
    const inner = add('Relu', [layer(2 * k + 1, x, stride)], `inner${k}`);
    const residual = layer(2 * k + 2, inner, 1);
    let shortcut = x;
    if (from !== to) {
      indices(`pads${k}`, [0, from / 2, 0, 0, 0, from / 2, 0, 0]);
      shortcut = add('Pad', [add('Slice', [x, 'starts', 'ends', 'axes', 'steps'], `half${k}`), `pads${k}`], `shortcut${k}`);
    }
    x = add('Relu', [add('Add', [residual, shortcut], `sum${k}`)], `block${k}`);
  });
  constant('weight', [64, CLASSES], values(64 * CLASSES, 0.1));
  constant('bias', [CLASSES], new Float32Array(CLASSES));
  const pooled = add('Flatten', [add('GlobalAveragePool', [x], 'pooled')], 'flat');
  add('Gemm', [pooled, 'weight', 'bias'], 'logits');
  const graph = message([
    ...nodes.map((each) => [1, each]),
    [2, 'resnet20'],
    ...weights.map((each) => [5, each]),
    [11, value('images', [batch, 3, SIDE, SIDE])],
    [12, value('logits', [batch, CLASSES])],
  ]);
  return message([
    [1, 8],
    [7, graph],
    [
      8,
      message([
        [1, ''],
        [2, 17],
      ]),
    ],
  ]);
}
