// Every kind of widget there is: what lies in a folder beside this file with a `kind.ts`. A new one is a new folder.
import type { Facts, Slot, WidgetKind } from './kind';
import { numbered } from './numbered';
import { fieldsOf } from './options';

const found = import.meta.glob<{ default: WidgetKind }>('./*/kind.ts', { eager: true });

export const kinds: readonly WidgetKind[] = Object.values(found)
  .map(({ default: kind }) => kind)
  .sort((a, b) => (a.kind < b.kind ? -1 : 1));

const byName = new Map(kinds.map((kind) => [kind.kind, kind]));

/** The kind of this name; none for one of another version. */
export const kindOf = (name: string): WidgetKind | undefined => byName.get(name);

/** The kinds that suit a datapoint, the best first. */
export function fitting(facts: Facts): WidgetKind[] {
  return kinds
    .map((kind) => ({ kind, fits: kind.fits(facts) }))
    .filter(({ fits }) => fits > 0)
    .sort((a, b) => b.fits - a.fits)
    .map(({ kind }) => kind);
}

/** The slot that a binding of this name belongs to. */
export function slotOf(kind: WidgetKind, binding: string): Slot | undefined {
  return kind.slots.find(({ key, most = 1 }) => (most === 1 ? key === binding : numbered(key, { [binding]: 1 }).length === 1));
}

/** Names of the bindings of a slot in their order: those that are there. */
export function namesOf(slot: Slot, bindings: Readonly<Record<string, unknown>>): string[] {
  if ((slot.most ?? 1) === 1) return slot.key in bindings ? [slot.key] : [];
  return numbered(slot.key, bindings).map(({ name }) => name);
}

/** The name that the next binding of a slot gets; none when it is full. */
export function nextName(slot: Slot, bindings: Readonly<Record<string, unknown>>): string | undefined {
  const most = slot.most ?? 1;
  const names = namesOf(slot, bindings);
  if (most === 1) return names.length === 0 ? slot.key : undefined;
  if (names.length >= most) return undefined;
  for (let n = 1; ; n += 1) if (!names.includes(`${slot.key}_${n}`)) return `${slot.key}_${n}`;
}

/** Why a datapoint does not fit a slot. */
export type Misfit = 'kind' | 'unit' | 'readOnly';

export function misfit(slot: Slot, facts: Facts): Misfit | undefined {
  if (slot.does !== 'read' && !facts.writable) return 'readOnly';
  if (slot.takes.length > 0 && facts.kind !== 'null' && !slot.takes.includes(facts.kind)) return 'kind';
  if (slot.units && facts.unit && !slot.units.includes(facts.unit)) return 'unit';
  return undefined;
}

const defaults = new WeakMap<WidgetKind, Record<string, unknown>>();

/** The options of a widget over those that hold without a choice. What is no option of the kind is left out. */
export function optionsOf(kind: WidgetKind, chosen: Readonly<Record<string, unknown>>): Record<string, unknown> {
  let own = defaults.get(kind);
  if (!own) defaults.set(kind, (own = Object.fromEntries(fieldsOf(kind.options).map(({ key, initial }) => [key, initial]))));
  const given = Object.entries(chosen).filter(([key, value]) => own && key in own && value !== null && value !== undefined);
  return { ...own, ...Object.fromEntries(given) };
}
