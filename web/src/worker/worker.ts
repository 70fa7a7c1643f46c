// The service worker: keeps the pages themselves, never what the daemon says. So an installed page opens without the
// daemon and then tells that it is not reached; values come from the daemon or not at all.
//
// Invariant: it answers for the start page and for files with their hash in their name, and for nothing else.

interface Lasting extends Event {
  waitUntil: (work: Promise<unknown>) => void;
}
interface Fetching extends Lasting {
  readonly request: Request;
  respondWith: (answer: Promise<Response>) => void;
}
interface Worker {
  readonly location: Location;
  readonly clients: { claim: () => Promise<void> };
  skipWaiting: () => Promise<void>;
  addEventListener(kind: 'install' | 'activate', work: (event: Lasting) => void): void;
  addEventListener(kind: 'fetch', work: (event: Fetching) => void): void;
}

/** Put in by the build: the paths of all hashed files, and a name that differs when any of them does. */
declare const __FILES__: readonly string[];
declare const __BUILD__: string;

const worker = self as unknown as Worker;
const FAMILY = 'fieldrail-';
const CACHE = `${FAMILY}${__BUILD__}`;
const SHELL = '/';
/** What the start page shows beside the hashed files. */
const PICTURES = ['/icon.svg'];
/** A daemon that takes longer for its start page is not there for a person who waits. */
const PATIENCE_MS = 4_000;

worker.addEventListener('install', (event) => event.waitUntil(keepAll()));
worker.addEventListener('activate', (event) => event.waitUntil(takeOver()));
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  if (request.mode === 'navigate' && url.pathname === SHELL) event.respondWith(shell(request));
  else if (url.pathname.startsWith('/assets/') || PICTURES.includes(url.pathname)) event.respondWith(file(request));
});

/** The pages of this build, all or none. */
async function keepAll(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll([SHELL, ...PICTURES, ...__FILES__]);
  await worker.skipWaiting();
}

/** Pages of other builds go. */
async function takeOver(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(FAMILY) && name !== CACHE).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** The daemon's own start page, so that another version is seen at once; the kept one if the daemon is not there. */
async function shell(request: Request): Promise<Response> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), PATIENCE_MS);
  try {
    return await fetch(request, { signal: giveUp.signal });
  } catch (cause) {
    const kept = await caches.match(SHELL);
    if (kept) return kept;
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

/** What has its hash in its name never changes. */
async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
