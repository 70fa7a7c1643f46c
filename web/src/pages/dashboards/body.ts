// Widgets as they are written: what a new one begins with, what is copied of one. Pure.
import type { Binding, Cell, Size, Widget, WidgetBody, WidgetEntry } from '../../api/dashboards';
import type { PointInfo } from '../../api/types';
import { kindOf as valueKindOf } from '../../format/value';
import { inputKind } from '../../format/input';
import type { Facts, WidgetKind } from '../../widgets/kind';
import { misfit, nextName } from '../../widgets/registry';

/** The daemon takes no longer title. */
export const LONGEST_TITLE = 200;

/** What is known of a datapoint, as far as a widget cares. Its declared type goes before its present value. */
export function factsOf({ address, value, type = '', unit = '', writable, name = '' }: PointInfo): Facts {
  const kind = type ? inputKind(type, value) : valueKindOf(value);
  return { address, kind, unit, writable, name };
}

/** The last part of an address: what people call it who gave it no name. */
export function lastPart(address: string): string {
  const parts = address.split(/[./]/).filter(Boolean);
  const last = parts.at(-1) ?? address;
  // Of `light/kitchen/set` the room says more than the verb.
  return /^(state|set|get|value|command|cmd|power)$/i.test(last) && parts.length > 2 ? (parts.at(-2) ?? last) : last;
}

export const titleFor = ({ name, address }: Facts): string => (name || lastPart(address)).slice(0, LONGEST_TITLE);

/** The bindings with this datapoint in the first slot that takes it; undefined where none does. */
export function bound(kind: WidgetKind, bindings: Readonly<Record<string, Binding>>, facts: Facts): { bindings: Record<string, Binding>; name: string } | undefined {
  const free = kind.slots.filter((slot) => nextName(slot, bindings) !== undefined && !misfit(slot, facts));
  // What is needed comes first, and what is written before what is only shown.
  const best = free.sort((a, b) => Number(b.needed ?? false) - Number(a.needed ?? false))[0];
  const name = best && nextName(best, bindings);
  return name === undefined ? undefined : { name, bindings: { ...bindings, [name]: { address: facts.address } } };
}

/** A widget that begins with a datapoint. */
export function widgetFor(kind: WidgetKind, facts: Facts): WidgetBody {
  const first = bound(kind, {}, facts);
  return { kind: kind.kind, title: titleFor(facts), ...(first && { bindings: first.bindings }) };
}

/** What is copied of a widget: all but which one it is. */
export function bodyOf({ id: _, dashboard: _page, etag: _etag, may_operate: _may, ...body }: WidgetEntry): WidgetBody {
  return body;
}

/** A widget as it is written: without what the daemon adds. */
export function widgetOf({ etag: _, may_operate: _may, ...widget }: WidgetEntry): Widget {
  return widget;
}

/** Another kind with the bindings that fit it. */
export function asKind(body: WidgetBody, kind: WidgetKind): WidgetBody {
  const { options: _, ...rest } = body;
  const old = Object.entries(body.bindings ?? {});
  let bindings: Record<string, Binding> = {};
  for (const [name, binding] of old) {
    const slot = kind.slots.find(({ key }) => key === name) ?? kind.slots.find((one) => nextName(one, bindings) !== undefined && !(one.key in bindings));
    const next = slot && nextName(slot, bindings);
    if (next !== undefined) bindings = { ...bindings, [next]: binding };
  }
  return { ...rest, kind: kind.kind, bindings };
}

/** Copies that lie to each other as they did, from row `y` on. */
export function shifted(bodies: readonly { body: WidgetBody; cell: Cell }[], y: number, size: Size): WidgetBody[] {
  const top = Math.min(...bodies.map(({ cell }) => cell.y));
  return bodies.map(({ body, cell }) => ({ ...body, layout: { [size]: { ...cell, y: cell.y - top + y } } }));
}

/** Those keys of something as JSON, for a person to compare; all of them unless some are named. */
export function keysText(all: Readonly<Record<string, unknown>>, keys: readonly string[] = Object.keys(all)): string {
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, all[key]])), null, 2);
}
