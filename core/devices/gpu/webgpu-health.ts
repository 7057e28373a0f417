/**
 * What goes wrong on a WebGPU device, as rejections: validation errors and lack of memory where they are caught, and the loss of the
 * device, which ends every wait at once.
 */
import { turn } from '../breather.ts';
import { DeviceError } from '../device.ts';

/** How long a device that goes may take to say so, after what was under way on it has failed: browsers do it a few turns later. */
const LOSS_FOLLOWS_MS = 500;

const SCOPES = ['internal', 'out-of-memory', 'validation'] as const;

export interface Failure {
  readonly kind: (typeof SCOPES)[number];
  readonly message: string;
}

type Popped = readonly { readonly kind: Failure['kind']; readonly error: Promise<GPUError | null> }[];

export class Health {
  private lost: DeviceError | undefined;
  private uncaught: DeviceError | undefined;
  private readonly waiting = new Set<(error: DeviceError) => void>();

  constructor(private readonly device: GPUDevice) {
    void device.lost.then(({ reason, message }) => this.lose(reason === 'destroyed' ? reason : firstLine(message)));
    device.onuncapturederror = (event) => {
      event.preventDefault();
      this.report(new DeviceError(`the WebGPU device reported an error: ${firstLine(event.error.message)}`));
    };
  }

  /** Throws when the device is lost, or has reported an error outside every scope since the last look. */
  check(): void {
    const error = this.lost ?? this.uncaught;
    this.uncaught = undefined;
    if (error !== undefined) throw error;
  }

  /** Waits for `work`, or until the device fails. */
  async guard<T>(work: Promise<T>): Promise<T> {
    let stop: (error: DeviceError) => void = () => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        stop = reject;
        this.waiting.add(stop);
        work.then(resolve, reject);
        if (this.lost !== undefined) reject(this.lost);
      });
    } catch (error) {
      // A device that goes first rejects what was under way, and says only then that it is lost.
      await turn();
      throw this.lost ?? error;
    } finally {
      this.waiting.delete(stop);
    }
  }

  /** Runs `body`, which must not wait, and tells what the device found wrong with it; undefined when nothing. */
  scoped<T>(body: () => T): { readonly result: T; readonly failure: Promise<Failure | undefined> } {
    for (const kind of SCOPES) this.device.pushErrorScope(kind);
    let popped: Popped = [];
    let result: T;
    try {
      result = body();
    } finally {
      popped = [...SCOPES].reverse().map((kind) => ({ kind, error: this.device.popErrorScope() }));
      for (const { error } of popped) error.catch(() => undefined);
    }
    return { result, failure: firstFailure(popped) };
  }

  /** Waits for both: what was found wrong, else the values. What the device refused says more than the failed wait for its values. */
  async outcome<T>(
    failure: Promise<Failure | undefined>,
    work: Promise<T>,
  ): Promise<{ readonly found: Failure } | { readonly found: undefined; readonly values: T }> {
    const [found, values] = await this.guard(Promise.allSettled([failure, work]));
    if (found.status === 'fulfilled' && found.value !== undefined) return { found: found.value };
    if (found.status === 'fulfilled' && values.status === 'fulfilled') return { found: undefined, values: values.value };
    const reason: unknown = values.status === 'rejected' ? values.reason : 'its error scopes did not answer';
    await this.lossFollows();
    return this.guard(Promise.reject(new DeviceError(`the WebGPU device failed: ${firstLine(String(reason))}`)));
  }

  /** Resolves when the device is lost, or when it should have said so by now. */
  private async lossFollows(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LOSS_FOLLOWS_MS);
    });
    await Promise.race([this.device.lost, late]);
    clearTimeout(timer);
  }

  private lose(reason: string): void {
    this.lost = new DeviceError(
      `the WebGPU device was lost (${reason}); call useDevice('webgpu') again and load the States from a checkpoint`,
    );
    this.rejectAll(this.lost);
  }

  /** An error outside every scope goes to whoever waits now, else to who asks next. */
  private report(error: DeviceError): void {
    if (this.waiting.size === 0) this.uncaught ??= error;
    this.rejectAll(error);
  }

  private rejectAll(error: DeviceError): void {
    for (const reject of this.waiting) reject(error);
    this.waiting.clear();
  }
}

async function firstFailure(popped: Popped): Promise<Failure | undefined> {
  for (const { kind, error } of popped) {
    const found = await error;
    if (found !== null) return { kind, message: found.message };
  }
  return undefined;
}

/** The sentence for a failure of what `where` names. */
export function failureOf(where: string, { kind, message }: Failure): DeviceError {
  return new DeviceError(
    kind === 'out-of-memory'
      ? `${where}: the WebGPU device is out of memory (${firstLine(message)}); use a smaller batch`
      : `${where}: refused by WebGPU: ${firstLine(message)}`,
  );
}

function firstLine(message: string): string {
  return message.split('\n')[0]!.trim().replace(/\.$/, '');
}
