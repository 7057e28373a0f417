/** `data`: fetches an official CIFAR archive, or takes one that is there, and unpacks it for `--data`. */
import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { ARCHIVES, type ArchiveSpec, isUnpacked, unpackArchive } from '../data/archive.ts';
import { download, onDisk } from '../data/download.ts';
import { makeDirectory } from '../disk/makeDirectory.ts';
import { onInterrupt } from './interrupt.ts';
import { type Progress, progressBar } from './progress.ts';

interface FetchOptions {
  readonly to: string;
  readonly from?: string;
  readonly md5?: string;
  readonly json?: boolean;
}

type ArchiveName = keyof typeof ARCHIVES;

export function addDataCommand(program: Command): void {
  program
    .command('data')
    .description('fetch a data set and unpack it for --data')
    .addArgument(new Argument('<name>', 'which data set').choices(Object.keys(ARCHIVES)))
    .addOption(new Option('--to <directory>', 'where to unpack it').makeOptionMandatory())
    .addOption(new Option('--from <file or URL>', 'another place to take the .tar.gz from than the official one'))
    .addOption(new Option('--md5 <hex>', 'the MD5 of an archive that is not the official one').argParser(md5Sum))
    .addOption(new Option('--json', 'print one JSON object as the last line'))
    .action(runData);
}

function md5Sum(text: string): string {
  if (/^[0-9a-f]{32}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It needs to be 32 hexadecimal digits.');
}

async function runData(name: ArchiveName, { to, from = ARCHIVES[name].url, md5, json }: FetchOptions): Promise<void> {
  const spec: ArchiveSpec = { ...ARCHIVES[name], ...(md5 !== undefined && { md5 }) };
  const directory = join(to, spec.folder);
  const present = isUnpacked(spec, to);
  if (present) console.error(`${directory} is there already, and whole; nothing to do`);
  else if (!(await interruptible(from, (signal) => fetchAndUnpack(spec, to, from, signal)))) return;
  if (json) console.log(JSON.stringify({ dataset: name, directory, present }));
  else console.log(`--dataset ${name} --data ${directory}`);
}

const isAddress = (from: string): boolean => /^https?:/i.test(from);

/** Whether `work` came to its end; Ctrl-C ends it early and sets the exit code. */
async function interruptible(from: string, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  const left = isAddress(from) ? 'the same command goes on from what has been downloaded' : 'nothing is left behind';
  const interrupt = onInterrupt(`stopping; ${left}`);
  try {
    await work(interrupt.signal);
    return true;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    process.exitCode = interrupt.exitCode;
    return false;
  } finally {
    interrupt.release();
  }
}

/** A file is used where it is. What is downloaded is deleted once it is unpacked. */
async function fetchAndUnpack(spec: ArchiveSpec, to: string, from: string, signal: AbortSignal): Promise<void> {
  if (!isAddress(from)) {
    await unpackArchive(from, spec, to, signal);
    return;
  }
  const archive = join(to, basename(spec.url));
  const kept = existsSync(archive);
  await onDisk(to, async () => makeDirectory(to));
  if (!kept) await downloadWithBar(from, archive, spec.md5, signal);
  await unpackArchive(archive, spec, to, signal);
  if (!kept) rmSync(archive);
}

async function downloadWithBar(url: string, file: string, md5: string, signal: AbortSignal): Promise<void> {
  const bar = downloadBar();
  const onRetry = (reason: string, pauseMs: number): void => {
    bar.stop();
    console.error(`${reason}; trying again in ${pauseMs / 1000} s`);
  };
  try {
    await download(url, file, { md5, signal, onProgress: bar.update, onRetry });
  } finally {
    bar.stop();
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;

/** A bar over the bytes that are still to come when it appears, so that speed and time left are those of this connection. */
function downloadBar(): { update: (received: number, total: number | undefined) => void; stop: () => void } {
  let bar: Progress | undefined;
  let [from, started] = [0, 0];
  return {
    update: (received, total) => {
      if (total === undefined) return;
      if (bar === undefined || received < from) {
        bar?.stop();
        [from, started] = [received, performance.now()];
        bar = progressBar(from > 0 ? 'downloading the rest (MB)' : 'downloading (MB)', megabytes(total - from), ['MB/s']);
      }
      const seconds = Math.max((performance.now() - started) / 1000, 0.001);
      bar.update(megabytes(received - from), { 'MB/s': megabytes((received - from) / seconds).toFixed(1) });
    },
    stop: () => {
      bar?.stop();
      bar = undefined;
    },
  };
}
