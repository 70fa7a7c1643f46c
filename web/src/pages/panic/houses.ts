// What a panic writes, sorted by the instances that it goes to. Pure.
import type { Pulse, RearmStep, SafeWrite } from '../../api/types';

/** A row of what was, or would be, written. */
export interface WrittenRow {
  address: string;
  value: SafeWrite['value'];
  cause: SafeWrite['cause'];
  outcome: SafeWrite['outcome'] | 'owed';
  reason: string;
}

/** What was written, and the ends of pulses that are still owed and do not stand there already. */
export function rowsOf(written: SafeWrite[], owed: Pulse[]): WrittenRow[] {
  const known = new Set(written.map(({ address }) => address));
  return [
    ...written.map(({ reason = '', ...one }) => ({ ...one, reason })),
    ...owed
      .filter(({ address }) => !known.has(address))
      .map(({ address, end, reason = '' }) => ({ address, value: end, cause: 'pulse' as const, outcome: 'owed' as const, reason })),
  ];
}

export interface OfInstance {
  id: string;
  name: string;
  rows: WrittenRow[];
}

/** The rows of each instance that would be ended; what belongs to none of them comes last, under no name. */
export function byInstance(steps: RearmStep[], rows: WrittenRow[]): OfInstance[] {
  const instances = steps.flatMap(({ instance, name }) => (instance === undefined ? [] : [{ id: instance, name }]));
  /** An id may hold dots: the longest that fits is the one. */
  const owner = ({ address }: WrittenRow) =>
    instances
      .filter(({ id }) => address.toLowerCase().startsWith(`${id.toLowerCase()}.`))
      .sort((a, b) => b.id.length - a.id.length)[0]?.id;
  const of = (id: string | undefined) => rows.filter((row) => owner(row) === id);
  const homeless = of(undefined);
  return [
    ...instances.map(({ id, name }) => ({ id, name: name || id, rows: of(id) })),
    ...(homeless.length > 0 ? [{ id: '', name: '', rows: homeless }] : []),
  ];
}
