/** A plan on the simd device: its table of launches in the shared memory, and running it. */
import type { HostArray } from '../../host.ts';
import { type Location, type Plan, stepName } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import { DeviceError, type PreparedPlan } from '../device.ts';
import type { Answer, SimdDevice } from './device.ts';
import type { SimdOperand, SimdProgram } from './kernel.ts';
import { blockBytes } from './memory.ts';
import { CONTROL_WORDS } from './worker.ts';

export class SimdPlan implements PreparedPlan {
  readonly times: number[];
  readonly algorithms: readonly (string | undefined)[];
  /** The step of each launch. */
  private readonly stepOf: readonly number[];
  private readonly threadScratch: number;
  private readonly control: { readonly address: number; readonly words: number };
  private readonly table: { readonly address: number; readonly words: number };
  /** Offsets in the arena. */
  private readonly slots: readonly number[];
  private readonly feeds: readonly number[];
  private readonly arenaBytes: number;
  /** Addresses for which the table was written. */
  private written = '';
  private version = 0;

  constructor(
    private readonly device: SimdDevice,
    private readonly id: number,
    private readonly plan: Plan,
    private readonly programs: readonly SimdProgram[],
    private readonly kernelIndex: ReadonlyMap<string, number>,
  ) {
    this.times = new Array(plan.steps.length).fill(0);
    this.algorithms = programs.map(({ algorithm }) => algorithm);
    this.stepOf = programs.flatMap(({ launches }, step) => launches.map(() => step));
    this.threadScratch = Math.max(0, ...programs.map((program) => program.threadScratch));
    let end = 0;
    const place = (size: number): number => {
      end += blockBytes(size);
      return end - blockBytes(size);
    };
    this.slots = plan.slots.map(place);
    this.feeds = plan.feeds.map((value) => place(plan.values[value]!.size));
    this.arenaBytes = end;
    const launches = programs.flatMap((program) => program.launches);
    const words = launches.reduce((sum, { args }) => sum + 3 + args.length, 0);
    this.table = { address: this.allocateWords(words), words };
    const controlWords = CONTROL_WORDS + launches.length;
    this.control = { address: this.allocateWords(controlWords), words: controlWords };
  }

  private allocateWords(words: number): number {
    return this.device.memory.allocate(blockBytes(words), 'a table of launches');
  }

  async run(feeds: readonly HostArray[], states: readonly State[]): Promise<HostArray[]> {
    const stateAddresses = states.map((state) => this.device.addressOf(state));
    const arena = this.device.arenaFor(this.arenaBytes);
    const addressOf = (location: Location): number => {
      if (location.in === 'state') return stateAddresses[location.index]!;
      return arena + (location.in === 'feed' ? this.feeds : this.slots)[location.index]!;
    };
    this.writeTable([arena, ...stateAddresses].join(), arena, addressOf);
    const { memory } = this.device;
    feeds.forEach((feed, k) => memory.floats(arena + this.feeds[k]!, feed.length).set(feed));
    memory.integers(this.control.address, this.control.words).fill(0);
    if (this.device.options.stopAtNaN) await this.runStepwise(addressOf);
    else await this.runLaunches(0, this.stepOf.length);

    const view = (value: number): Float32Array => {
      const { location, size } = this.plan.values[value]!;
      return memory.floats(addressOf(location), size);
    };
    const results = this.plan.reads.map((value) => view(value).slice());
    this.plan.states.forEach(({ write, direct }, k) => {
      if (write !== undefined && !direct) memory.floats(stateAddresses[k]!, states[k]!.size).set(view(write));
    });
    return results;
  }

  private async runLaunches(from: number, to: number): Promise<void> {
    if (from === to) return;
    const { version, id, table, control } = this;
    const scratch = this.device.scratchFor(this.threadScratch);
    const message = {
      kind: 'run',
      id,
      from,
      to,
      version,
      scratch,
      table: table.address,
      words: table.words,
      control: control.address,
    };
    let answers: Answer[];
    try {
      answers = await this.device.pool.ask(message);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DeviceError(`simd: ${reason}; call useDevice('simd') again and load the States from a checkpoint`);
    }
    const failure = answers.find((answer) => answer.failed !== undefined);
    if (failure !== undefined)
      throw new DeviceError(`${stepName(this.plan.steps[this.stepOf[failure.failed!]!]!)}: ${failure.message ?? 'it failed'}`);
    const { times } = answers[0]!;
    for (let k = from; k < to; k++) {
      const step = this.stepOf[k]!;
      this.times[step] = (k > from && this.stepOf[k - 1] === step ? this.times[step]! : 0) + times![k - from]!;
    }
  }

  /** Step by step, so that the first output with a NaN is found where it was made. */
  private async runStepwise(addressOf: (location: Location) => number): Promise<void> {
    let from = 0;
    for (const [k, step] of this.plan.steps.entries()) {
      const to = from + this.programs[k]!.launches.length;
      this.device.memory.integers(this.control.address, 3).fill(0);
      await this.runLaunches(from, to);
      from = to;
      const { location, size } = this.plan.values[step.output]!;
      if (this.device.memory.floats(addressOf(location), size).some(Number.isNaN))
        throw new DeviceError(`${stepName(step)}: its output holds NaN, the first in this plan`);
    }
  }

  /** The launches with their addresses, written again only when one of them has moved. */
  private writeTable(key: string, arena: number, addressOf: (location: Location) => number): void {
    if (key === this.written) return;
    const words = this.device.memory.integers(this.table.address, this.table.words);
    let at = 0;
    this.plan.steps.forEach((step, k) => {
      const address = (operand: SimdOperand): number => {
        if (operand === 'output') return addressOf(this.plan.values[step.output]!.location);
        if ('scratch' in operand) return arena + this.slots[step.scratch[operand.scratch]!]!;
        return addressOf(this.plan.values[step.inputs[operand.input]!]!.location);
      };
      for (const { kernel, tasks, args } of this.programs[k]!.launches) {
        words[at++] = this.kernelIndex.get(kernel.name)!;
        words[at++] = tasks;
        words[at++] = args.length;
        for (const arg of args) words[at++] = typeof arg === 'number' ? arg : address(arg);
      }
    });
    this.written = key;
    this.version += 1;
  }

  release(): void {
    this.device.pool.tell({ kind: 'release', id: this.id });
    for (const { address, words } of [this.table, this.control]) this.device.memory.release(address, blockBytes(words));
  }
}
