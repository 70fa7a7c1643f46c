// What modules ask of a browser while they are loaded, for tests that run without one. To be imported before them.
const kept = new Map<string, string>();

const stubs = {
  navigator: { languages: ['en-GB'] },
  localStorage: {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  },
};
// Newer versions of Node have some of their own that cannot be written over in the usual way.
for (const [name, value] of Object.entries(stubs)) Object.defineProperty(globalThis, name, { value, configurable: true });
