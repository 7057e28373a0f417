/** ONNX files for tests: their nodes read back from the bytes, and ONNX Runtime where it is installed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PbfReader } from 'pbf';
import type { Shape } from '../../core/index.ts';
import { ROOT } from '../cli/run.ts';

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: string[];
  readonly outputs: string[];
}

export interface OnnxGraph {
  readonly nodes: OnnxNode[];
  readonly initialisers: string[];
  readonly inputs: string[];
  readonly outputs: string[];
}

/** The graph of a ModelProto; field numbers are those of onnx.proto3. */
export function readGraph(bytes: Uint8Array): OnnxGraph {
  const graph: OnnxGraph = { nodes: [], initialisers: [], inputs: [], outputs: [] };
  new PbfReader(bytes).readFields((field, result, pbf) => {
    if (field === 7) pbf.readMessage(readGraphField, result);
  }, graph);
  return graph;
}

function readGraphField(field: number, graph: OnnxGraph, pbf: PbfReader): void {
  if (field === 1) graph.nodes.push(readNode(pbf));
  if (field === 5) graph.initialisers.push(readName(pbf, 8));
  if (field === 11) graph.inputs.push(readName(pbf, 1));
  if (field === 12) graph.outputs.push(readName(pbf, 1));
}

function readNode(pbf: PbfReader): OnnxNode {
  const node = { name: '', op: '', inputs: [] as string[], outputs: [] as string[] };
  return pbf.readMessage((field, result, reader) => {
    if (field === 1) result.inputs.push(reader.readString());
    if (field === 2) result.outputs.push(reader.readString());
    if (field === 3) result.name = reader.readString();
    if (field === 4) result.op = reader.readString();
  }, node);
}

function readName(pbf: PbfReader, nameField: number): string {
  const named = pbf.readMessage(
    (field, result, reader) => {
      if (field === nameField) result.name = reader.readString();
    },
    { name: '' },
  );
  return named.name;
}

/** What of onnxruntime-node is used here. */
interface OrtTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}
interface Ort {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: Shape) => OrtTensor;
  readonly InferenceSession: { create(bytes: Uint8Array, options: { readonly intraOpNumThreads: number }): Promise<OrtSession> };
}
interface OrtSession {
  run(feeds: { readonly images: OrtTensor }): Promise<{ readonly logits: OrtTensor }>;
  release(): Promise<void>;
}

export interface OnnxSession {
  /** The output for images of this shape. */
  run(images: Float32Array, shape: Shape): Promise<OrtTensor>;
  release(): Promise<void>;
}

const FOLDER = 'optional/onnxruntime';

/** ONNX Runtime, or the sentence why there is none. */
export const onnxRuntime: { readonly open?: (bytes: Uint8Array) => Promise<OnnxSession>; readonly reason: string } = load();

function load(): typeof onnxRuntime {
  try {
    const ort: Ort = createRequire(join(ROOT, FOLDER, 'package.json'))('onnxruntime-node');
    return {
      reason: '',
      open: async (bytes) => {
        const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
        return {
          run: async (images, shape) => (await session.run({ images: new ort.Tensor('float32', images, shape) })).logits,
          release: () => session.release(),
        };
      },
    };
  } catch (error) {
    const [sentence] = String(error instanceof Error ? error.message : error).split('\n');
    return { reason: `${sentence}; install it with npm ci --prefix ${FOLDER}` };
  }
}
