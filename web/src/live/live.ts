// The live store of this page: one connection, and who hears what it says.
import { getMe } from '../api/endpoints';
import { asProblem } from '../api/http';
import { notices } from '../ui/notices.svelte';
import { clock } from './clock.svelte';
import { Instances } from './instances.svelte';
import { Link } from './link.svelte';
import { LogFeed } from './logFeed.svelte';
import { Points } from './points.svelte';

export const instances = new Instances();

export const logFeed: LogFeed = new LogFeed((message) => link.send(message));

export const points: Points = new Points(
  (message) => link.send(message),
  (task, painted) =>
    requestAnimationFrame((frame) => {
      const begun = performance.now();
      task(begun - frame);
      // A message is the first that comes after the picture; a timer may come much later.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (port1.close(), painted(performance.now() - begun));
      port2.postMessage(undefined);
    }),
);

export const link: Link = new Link({
  open: () => new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/live`),
  probe,
  // Each process that runs has other figures each second.
  expects: () => (instances.all ?? []).some(({ pid }) => pid !== undefined),
  connected() {
    instances.connected();
    link.send({ watch: ['instances'] });
    points.connected();
    logFeed.connected();
  },
  lost: () => points.lost(),
  receive(message) {
    if (message.error) notices.add('bad', message.error.detail, message.error.hint);
    else if (message.instances) instances.receive(message.instances);
    else if (message.logs) logFeed.receive(message.logs);
    else points.receive(message);
  },
  now: () => clock.exact(),
  random: Math.random,
});

async function probe(): Promise<'there' | 'gone' | 'refused'> {
  try {
    await getMe();
    return 'there';
  } catch (cause) {
    return asProblem(cause).status === 401 ? 'refused' : 'gone';
  }
}

/** Begins with a session. */
export function goLive(): void {
  link.start();
}

/** Ends with the session: nothing of it stays on the page. */
export function endLive(): void {
  link.stop();
  instances.clear();
}

addEventListener('online', () => link.wake());
// A page that the browser had put aside whole.
addEventListener('pageshow', (event) => event.persisted && link.wake());
document.addEventListener('visibilitychange', () => document.hidden || link.wake());
