// How the state of an instance looks, and what can be done in it.
import type { InstanceAction } from '../../api/types';
import type { Tone } from '../../ui/Lamp.svelte';

const TONES: Record<string, Tone> = {
  running: 'good',
  starting: 'busy',
  stopping: 'busy',
  degraded: 'warn',
  detached: 'warn',
  suspended_by_spam: 'warn',
  suspended_by_limit: 'warn',
  error: 'bad',
  panicked: 'bad',
  stopped: 'off',
};

/** The tone of the lamp; a state of a newer daemon is no reason for alarm. */
export function toneOf(state: string): Tone {
  return TONES[state] ?? 'off';
}

/** Whether a process is there that could be stopped. */
export function isAlive(state: string): boolean {
  return state !== 'stopped' && state !== 'error' && !isSuspended(state);
}

/** Whether it waits for a person to reactivate it. */
export function isSuspended(state: string): boolean {
  return state === 'suspended_by_spam' || state === 'suspended_by_limit';
}

/** What an admin may do with an instance in this state, the harmless first. */
export function actionsIn(state: string): InstanceAction[] {
  if (state === 'stopping') return ['kill'];
  if (isSuspended(state)) return ['reactivate', 'stop'];
  if (state === 'panicked') return [];
  if (state === 'detached') return ['attach', 'restart', 'stop', 'kill'];
  return isAlive(state) ? ['detach', 'restart', 'stop', 'kill'] : ['start'];
}

/** What needs a person comes first. */
const ORDER: Tone[] = ['bad', 'warn', 'busy', 'good', 'off'];

/** How many instances are in each state, those in trouble first. */
export function countStates(instances: { state: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of instances) counts.set(state, (counts.get(state) ?? 0) + 1);
  const place = (state: string) => ORDER.indexOf(toneOf(state));
  return new Map([...counts].sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1)));
}
