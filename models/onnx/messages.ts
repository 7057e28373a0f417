/**
 * The few messages of onnx.proto3 (github.com/onnx/onnx, onnx/onnx.proto3) that a network takes, as plain data and as protocol buffers.
 * The folder owns the way from a recorded network to an ONNX file; this file knows the format and nothing of networks.
 *
 * Operators are those of opset 17, which IR version 8 goes with: every runtime since 2022 reads them.
 */
import { PbfWriter } from 'pbf';

const IR_VERSION = 8;
export const OPSET = 17;

/** TensorProto.DataType */
export const DATA_TYPE = { float: 1, int64: 7, bool: 9 } as const;
/** AttributeProto.AttributeType */
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

/** A whole number, a list of them, or a float32. */
export type Attribute = number | readonly number[] | { readonly float: number };

export interface NodeMessage {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface TensorMessage {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** A float32 array that goes in or comes out; a length that is not fixed has a name instead. */
export interface ValueMessage {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

export interface GraphMessage {
  readonly name: string;
  readonly nodes: readonly NodeMessage[];
  readonly initialisers: readonly TensorMessage[];
  readonly input: ValueMessage;
  readonly output: ValueMessage;
}

/** The bytes of a ModelProto. */
export function encodeModel(graph: GraphMessage): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, IR_VERSION); // ir_version
  pbf.writeStringField(2, 'tapegrad'); // producer_name
  pbf.writeMessage(7, writeGraph, graph); // graph
  pbf.writeMessage(8, writeOpset, OPSET); // opset_import
  return pbf.finish();
}

function writeOpset(version: number, pbf: PbfWriter): void {
  pbf.writeStringField(1, ''); // domain: ONNX's own operators
  pbf.writeVarintField(2, version); // version
}

function writeGraph({ name, nodes, initialisers, input, output }: GraphMessage, pbf: PbfWriter): void {
  for (const node of nodes) pbf.writeMessage(1, writeNode, node); // node
  pbf.writeStringField(2, name); // name
  for (const tensor of initialisers) pbf.writeMessage(5, writeTensor, tensor); // initializer
  pbf.writeMessage(11, writeValue, input); // input
  pbf.writeMessage(12, writeValue, output); // output
}

function writeNode({ name, op, inputs, output, attributes }: NodeMessage, pbf: PbfWriter): void {
  for (const input of inputs) pbf.writeStringField(1, input); // input
  pbf.writeStringField(2, output); // output
  pbf.writeStringField(3, name); // name
  pbf.writeStringField(4, op); // op_type
  for (const entry of Object.entries(attributes)) pbf.writeMessage(5, writeAttribute, entry); // attribute
}

function writeAttribute([name, value]: [string, Attribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name); // name
  if (typeof value === 'number') {
    pbf.writeVarintField(3, value); // i
    pbf.writeVarintField(20, ATTRIBUTE_TYPE.int); // type
  } else if ('float' in value) {
    pbf.writeFloatField(2, value.float); // f
    pbf.writeVarintField(20, ATTRIBUTE_TYPE.float); // type
  } else {
    pbf.writePackedVarint(8, [...value]); // ints
    pbf.writeVarintField(20, ATTRIBUTE_TYPE.ints); // type
  }
}

function writeTensor({ name, dims, data }: TensorMessage, pbf: PbfWriter): void {
  pbf.writePackedVarint(1, [...dims]); // dims; none for a scalar
  pbf.writeVarintField(2, data instanceof Float32Array ? DATA_TYPE.float : DATA_TYPE.int64); // data_type
  pbf.writeStringField(8, name); // name
  pbf.writeBytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)); // raw_data, little-endian
}

function writeValue({ name, dims }: ValueMessage, pbf: PbfWriter): void {
  pbf.writeStringField(1, name); // name
  pbf.writeMessage(2, writeType, dims); // type
}

function writeType(dims: ValueMessage['dims'], pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, dims); // tensor_type
}

function writeTensorType(dims: ValueMessage['dims'], pbf: PbfWriter): void {
  pbf.writeVarintField(1, DATA_TYPE.float); // elem_type
  pbf.writeMessage(2, writeShape, dims); // shape
}

function writeShape(dims: ValueMessage['dims'], pbf: PbfWriter): void {
  for (const dim of dims) pbf.writeMessage(1, writeDimension, dim); // dim
}

function writeDimension(dim: number | string, pbf: PbfWriter): void {
  if (typeof dim === 'number')
    pbf.writeVarintField(1, dim); // dim_value
  else pbf.writeStringField(2, dim); // dim_param
}
