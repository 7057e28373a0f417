// Imports every entry and prints as JSON which names each has, and what the imports have changed outside of themselves.
const before = new Set(Reflect.ownKeys(globalThis).map(String));
const listeners = process.eventNames().length;
const names = {};
for (const entry of process.argv.slice(2)) names[entry] = Object.keys(await import(entry));
const globals = Reflect.ownKeys(globalThis).map(String);
console.log(
  JSON.stringify({
    names,
    globals: globals.filter((name) => !before.has(name)),
    listeners: process.eventNames().length - listeners,
    active: process.getActiveResourcesInfo().filter((kind) => !/^(TTYWrap|PipeWrap|FSReqPromise|CloseReq)$/.test(kind)),
  }),
);
