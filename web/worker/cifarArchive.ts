/** CIFAR-10's files as a person has them: .bin files, or the official archive as it is or already unzipped. */
import { type ParsedTarFileItem, parseTar } from 'nanotar';
import { type CifarFile, DataError } from 'tapegrad/data';

/** The official archive unpacks to 184 million bytes. */
const MOST_BYTES = 400_000_000;
const AGAIN = 'fetch cifar-10-binary.tar.gz again';

/** `onProgress` hears the share of an archive that is read, ten times at most. */
export async function cifarFiles(files: readonly File[], onProgress: (share: number) => void): Promise<CifarFile[]> {
  const found: CifarFile[] = [];
  for (const file of files) {
    if (/\.(gz|tgz)$/i.test(file.name)) found.push(...unpack(file.name, await unzip(file, onProgress)));
    else if (/\.tar$/i.test(file.name)) found.push(...unpack(file.name, new Uint8Array(await file.arrayBuffer())));
    else found.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
  }
  return found;
}

/** Throws a DataError where the file is cut off, or none of its kind. */
async function unzip(file: File, onProgress: (share: number) => void): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    const reader = file
      .stream()
      .pipeThrough(counted(file.size, onProgress))
      .pipeThrough(new DecompressionStream('gzip'))
      .getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value);
      total += next.value.length;
      if (total > MOST_BYTES) {
        await reader.cancel();
        break;
      }
    }
  } catch {
    throw new DataError(`${file.name} is not a whole .gz file; it is cut off, damaged or of another format; ${AGAIN}`);
  }
  if (total > MOST_BYTES)
    throw new DataError(`${file.name} unpacks to more than ${MOST_BYTES} bytes, which CIFAR-10's archive does not`);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Lets bytes through, and tells how many of them have passed. */
function counted(
  size: number,
  onProgress: (share: number) => void,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let [passed, tenths] = [0, 0];
  return new TransformStream({
    transform(bytes, controller) {
      controller.enqueue(bytes);
      passed += bytes.length;
      const reached = Math.floor((10 * passed) / size);
      if (reached > tenths) onProgress(reached / 10);
      tenths = reached;
    },
  });
}

function unpack(archive: string, bytes: Uint8Array): CifarFile[] {
  const files = entriesOf(archive, bytes).flatMap(({ name, type, data }) =>
    type === 'file' && name.endsWith('.bin') && data !== undefined ? [{ name: `${archive}: ${name}`, bytes: data }] : [],
  );
  if (files.length > 0) return files;
  throw new DataError(`${archive} holds no .bin file; the binary version of CIFAR-10 is needed, cifar-10-binary.tar.gz`);
}

function entriesOf(archive: string, bytes: Uint8Array): ParsedTarFileItem[] {
  try {
    return parseTar(bytes);
  } catch {
    throw new DataError(`${archive} is not a .tar archive, or not all of one; ${AGAIN}`);
  }
}
