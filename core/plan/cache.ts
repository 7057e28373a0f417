/** A map of bounded size: the entry unused for longest goes first, and is released. */
export class LruCache<Value> {
  private readonly entries = new Map<string, Value>();

  constructor(
    private readonly limit: number,
    private readonly release: (value: Value) => void,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: string): Value | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.entries.set(key, value);
    if (this.entries.size <= this.limit) return;
    const [oldest] = this.entries;
    this.entries.delete(oldest![0]);
    this.release(oldest![1]);
  }

  clear(): void {
    for (const value of this.entries.values()) this.release(value);
    this.entries.clear();
  }
}
