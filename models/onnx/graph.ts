/**
 * An ONNX graph while it is put together: nodes and constants that refer to each other as objects. Names come last, when it is known
 * how many nodes a module has.
 */
import type { Attribute, GraphMessage, NodeMessage, TensorMessage } from './messages.ts';
import { BATCHES, type Sizes } from './recording.ts';

/** Something that a node reads. */
export interface Value {
  readonly sizes: Sizes;
}

export interface GraphNode {
  readonly op: string;
  /** The path of the module that recorded it. */
  readonly label: string;
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** A change of shape on the way to a node; it does not count as one of its module's. */
  readonly helper: boolean;
}

interface Initialiser {
  readonly value: Value;
  readonly name: string;
  readonly data: TensorMessage['data'];
}

export interface Graph {
  readonly images: Value;
  readonly nodes: GraphNode[];
  readonly initialisers: Initialiser[];
}

export function addNode(
  graph: Graph,
  { helper = false, ...node }: Omit<GraphNode, 'helper'> & { readonly helper?: boolean },
): Value {
  graph.nodes.push({ ...node, helper });
  return node.output;
}

export function addInitialiser(graph: Graph, name: string, shape: readonly number[], data: Initialiser['data']): Value {
  const value = { sizes: [shape, shape] } satisfies Value;
  graph.initialisers.push({ value, name, data });
  return value;
}

/** Whole numbers that are part of the network: axes, shapes, the starts of a slice. */
export function addIntegers(graph: Graph, list: readonly number[]): Value {
  const data = BigInt64Array.from(list, BigInt);
  const known = graph.initialisers.find((each) => sameIntegers(each.data, data));
  return known?.value ?? addInitialiser(graph, 'integers', [list.length], data);
}

function sameIntegers(a: Initialiser['data'], b: BigInt64Array): boolean {
  return a instanceof BigInt64Array && a.length === b.length && a.every((value, at) => value === b[at]);
}

/** A float32 that is part of the network. */
export function addScalar(graph: Graph, value: number): Value {
  const data = Float32Array.of(value);
  const known = graph.initialisers.find(
    (each) => each.value.sizes[0].length === 0 && each.data instanceof Float32Array && Object.is(each.data[0], data[0]),
  );
  return known?.value ?? addInitialiser(graph, 'scalar', [], data);
}

/** What the input and the output are called. */
const [INPUT, OUTPUT] = ['images', 'logits'];

/**
 * The graph with names. Constants have those of the state dict. A node has its module's path where it is the only one there; several
 * are told apart by their operator: `layer1.0/Add`. What it gives is called like the node.
 */
export function nameGraph(graph: Graph, output: Value): GraphMessage {
  const nodes = graph.nodes.some((node) => node.output === output) ? graph.nodes : [...graph.nodes, identity(output)];
  const last = nodes === graph.nodes ? output : nodes.at(-1)!.output;
  const takeValue = distinct([INPUT!, OUTPUT!]);
  const names = new Map<Value, string>([[graph.images, INPUT!]]);
  for (const { value, name } of graph.initialisers) names.set(value, takeValue(name));
  const nodeNames = namesOf(nodes);
  nodes.forEach((node, k) => names.set(node.output, node.output === last ? OUTPUT! : takeValue(nodeNames[k]!)));
  return {
    name: 'network',
    nodes: nodes.map(({ op, inputs, output: result, attributes }, k): NodeMessage => {
      return { op, name: nodeNames[k]!, inputs: inputs.map((each) => names.get(each)!), output: names.get(result)!, attributes };
    }),
    initialisers: graph.initialisers.map(({ value, data }) => ({ name: names.get(value)!, dims: value.sizes[0], data })),
    input: { name: INPUT!, dims: dimensions(graph.images.sizes, INPUT!) },
    output: { name: OUTPUT!, dims: dimensions(last.sizes, OUTPUT!) },
  };
}

/** For a network whose output is its input, or a constant. */
function identity(input: Value): GraphNode {
  return { op: 'Identity', label: '', inputs: [input], output: { sizes: input.sizes }, attributes: {}, helper: false };
}

function namesOf(nodes: readonly GraphNode[]): string[] {
  const counts = new Map<string, number>();
  for (const { label, helper } of nodes) if (!helper) counts.set(label, (counts.get(label) ?? 0) + 1);
  const take = distinct([]);
  return nodes.map(({ label, op, helper }) => {
    const alone = !helper && counts.get(label) === 1;
    return take(label === '' ? op : alone ? label : `${label}/${op}`);
  });
}

/** Gives each name once; the next one gets a number behind it. */
function distinct(taken: readonly string[]): (name: string) => string {
  const used = new Set(taken);
  return (name) => {
    let unique = name;
    for (let k = 1; used.has(unique); k++) unique = `${name}_${k}`;
    used.add(unique);
    return unique;
  };
}

/** `batch` for as many as there are images, another name for another length that depends on them. */
function dimensions([few, many]: Sizes, name: string): (number | string)[] {
  return few.map((length, axis) => {
    if (length === many[axis]) return length;
    return length === BATCHES[0] && many[axis] === BATCHES[1] ? 'batch' : `${name}_${axis}`;
  });
}
