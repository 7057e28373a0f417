/**
 * The semantics of laziness once more, as simply as possible: everything is computed at once in float64, and what would be stale is found by
 * bookkeeping. Vectors of three numbers, element-wise ops only, so that a gradient is a product of slopes. What programs.test.ts compares
 * the framework with.
 */
export type Vector = readonly [number, number, number];

export class Stale extends Error {}

/** A value with its slopes by every State version below it. */
export interface Node {
  readonly value: Vector;
  readonly inputs: readonly Node[];
  /** A leaf names a version of a State. */
  readonly leaf?: { readonly state: ModelState; readonly version: number };
  readonly slopes: ReadonlyMap<Node, Slope>;
  /** Its value was asked for, and the flush has run. */
  kept: boolean;
  /** A flush has run it and overwritten what it reads. */
  spent: boolean;
}

interface Version {
  readonly node: Node;
  /** The batch that writes it. */
  readonly batch: number;
}

export class ModelState {
  /** The version that the device holds. */
  stored = 0;
  readonly versions: Version[];
  gradient: ModelState | undefined;
  hasGradient = false;
  assignedAt = -1;
  private leaf: Node | undefined;

  constructor(
    value: Vector,
    readonly trainable: boolean,
  ) {
    this.versions = [{ node: constant(value), batch: -1 }];
  }

  get version(): number {
    return this.versions.length - 1;
  }

  read(): Node {
    if (this.leaf?.leaf?.version !== this.version) {
      const slopes = new Map<Node, Slope>();
      this.leaf = {
        value: this.versions[this.version]!.node.value,
        inputs: [],
        leaf: { state: this, version: this.version },
        slopes,
        kept: false,
        spent: false,
      };
      slopes.set(this.leaf, { value: [1, 1, 1], needs: new Set() });
    }
    return this.leaf!;
  }
}

const each = (f: (k: 0 | 1 | 2) => number): Vector => [f(0), f(1), f(2)];

export function constant(value: Vector): Node {
  return { value, inputs: [], slopes: new Map(), kept: false, spent: false };
}

/** A derivative, and the nodes whose values its formula needs. */
export interface Slope {
  readonly value: Vector;
  readonly needs: ReadonlySet<Node>;
}

/** An element-wise formula: its value, and for each input the derivative and the nodes that it is computed from. */
export interface Formula {
  value(inputs: readonly number[]): number;
  partials(inputs: readonly number[]): readonly number[];
  needs?(inputs: readonly Node[], output: Node): readonly (readonly Node[])[];
}

export function apply(inputs: readonly Node[], formula: Formula): Node {
  const at = (k: 0 | 1 | 2): number[] => inputs.map(({ value }) => value[k]);
  const slopes = new Map<Node, Slope>();
  const output: Node = { value: each((k) => formula.value(at(k))), inputs, slopes, kept: false, spent: false };
  const needs = formula.needs?.(inputs, output) ?? [];
  inputs.forEach((input, position) => {
    for (const [leaf, slope] of input.slopes) {
      const sofar = slopes.get(leaf) ?? { value: [0, 0, 0], needs: new Set<Node>() };
      slopes.set(leaf, {
        value: each((k) => sofar.value[k] + slope.value[k] * formula.partials(at(k))[position]!),
        needs: new Set([...sofar.needs, ...slope.needs, ...(needs[position] ?? [])]),
      });
    }
  });
  return output;
}

const SUM: Formula = { value: ([a, b]) => a! + b!, partials: () => [1, 1] };
const descent = (rate: number): Formula => ({ value: ([w, g]) => w! - rate * g!, partials: () => [1, -rate] });

interface Batch {
  readonly number: number;
  readonly reads: Set<Node>;
  readonly states: Set<ModelState>;
  wanted: boolean;
}

const newBatch = (number: number): Batch => ({ number, reads: new Set(), states: new Set(), wanted: false });

/** When things run. */
export class EagerModel {
  private open = newBatch(0);
  private closed: Batch[] = [];
  private tick = 0;

  /** What is known of the value when asked for it; throws Stale where it is gone. */
  ask(node: Node): Vector {
    if (node.kept) return node.value;
    const batch = this.batchFor(this.limitOf(node));
    batch.reads.add(node);
    batch.wanted = true;
    return node.value;
  }

  assign(state: ModelState, node: Node): void {
    this.limitOf(node);
    const latest = state.versions[state.version]!;
    if (state.version > state.stored && latest.batch === this.open.number && state.assignedAt !== this.tick) {
      this.open.wanted = true;
      this.close();
    }
    const batch = this.batchFor(this.limitOf(node));
    const previous = state.version > state.stored ? latest.batch : batch.number;
    if (previous > batch.number) throw new Stale();
    const later = [...this.closed, this.open].filter(({ number }) => number > batch.number);
    if (later.some((each) => readsState(each, state))) throw new Stale();
    state.versions.push({ node, batch: batch.number });
    batch.states.add(state);
    state.assignedAt = this.tick;
  }

  /** The loss is the sum over the elements of `node`. */
  backward(node: Node, loss: Node): void {
    this.limitOf(node);
    if (passesSpent(node)) throw new Stale();
    for (const leaf of [...node.slopes.keys()].filter((each) => each.leaf!.state.trainable)) {
      const { state } = leaf.leaf!;
      state.gradient ??= new ModelState([0, 0, 0], false);
      const { value, needs } = node.slopes.get(leaf)!;
      const slope: Node = { ...constant(value), inputs: [...needs] };
      const total = state.hasGradient ? apply([state.gradient.read(), slope], SUM) : slope;
      this.assign(state.gradient, total);
      state.hasGradient = true;
    }
    this.batchFor(this.limitOf(loss)).reads.add(loss);
    this.open.wanted = true;
  }

  step(states: readonly ModelState[], rate: number): void {
    for (const state of states.filter(({ hasGradient }) => hasGradient))
      this.assign(state, apply([state.read(), state.gradient!.read()], descent(rate)));
    this.open.wanted = true;
    this.close();
  }

  /** The end of a tick: everything wanted runs. */
  endTick(): void {
    this.tick += 1;
    if (this.open.wanted) this.close();
    for (const batch of this.closed.splice(0)) this.run(batch);
  }

  private run({ number, reads, states }: Batch): void {
    const resolve = (node: Node): Node => {
      const { leaf } = node;
      return leaf !== undefined && leaf.version > leaf.state.stored ? resolve(leaf.state.versions[leaf.version]!.node) : node;
    };
    const written = [...states].map((state) => state.versions[lastOf(state, number)]!.node);
    const seen = new Set<Node>();
    const order: Node[] = [];
    const visit = (given: Node): void => {
      const node = resolve(given);
      if (seen.has(node)) return;
      seen.add(node);
      if (!node.spent) node.inputs.forEach(visit);
      order.push(node);
    };
    [...reads, ...written].forEach(visit);
    for (const state of states) state.stored = lastOf(state, number);
    for (const node of reads) node.kept = true;
    const gone = new Set<Node>();
    for (const node of order) {
      if (node.leaf !== undefined || node.spent || !node.inputs.some((input) => gone.has(input) || isOverwritten(input)))
        continue;
      node.spent = true;
      gone.add(node);
    }
  }

  private close(): void {
    this.closed.push(this.open);
    this.open = newBatch(this.open.number + 1);
  }

  private batchFor(limit: number): Batch {
    return this.closed.find(({ number }) => number === limit) ?? this.open;
  }

  /** The last batch that can still compute the node. */
  private limitOf(node: Node): number {
    if (node.spent) {
      if (!node.kept) throw new Stale();
      return Number.POSITIVE_INFINITY;
    }
    if (node.leaf === undefined) return Math.min(Number.POSITIVE_INFINITY, ...node.inputs.map((input) => this.limitOf(input)));
    const { state, version } = node.leaf;
    if (version < state.stored) throw new Stale();
    return state.versions[version + 1]?.batch ?? Number.POSITIVE_INFINITY;
  }
}

/** A value that was kept can be used on, but no gradient goes through it. */
function passesSpent({ spent, inputs }: Node): boolean {
  return spent || inputs.some(passesSpent);
}

/** What waits in a batch would lose the version that it reads. */
function readsState({ number, reads, states }: Batch, state: ModelState): boolean {
  const reaches = ({ leaf, spent, inputs }: Node): boolean => leaf?.state === state || (!spent && inputs.some(reaches));
  const written = [...states].flatMap(({ versions }) => versions.filter(({ batch }) => batch === number).map(({ node }) => node));
  return [...reads, ...written].some(reaches);
}

/** The last version that a batch writes. */
function lastOf({ versions }: ModelState, number: number): number {
  return versions.reduce((last, { batch }, version) => (batch === number ? version : last), -1);
}

function isOverwritten({ leaf }: Node): boolean {
  return leaf !== undefined && leaf.version < leaf.state.stored;
}
