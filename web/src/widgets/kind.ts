// What a kind of widget is. Each has a folder of its own beside this file; `registry.ts` finds it there and nowhere else.
import type { Component } from 'svelte';
import type { Kind as ValueKind } from '../format/value';
import type { Binding } from '../api/dashboards';
import type { Point } from '../live/point.svelte';
import type { Language } from '../settings.svelte';
import type { IconName } from '../ui/icons';
import type { Schema } from '../ui/form/schema';
import type { Act } from './act.svelte';
import type { Look } from './rules';

/** A text of a kind, in each language. */
export type Words = Record<Language, string>;

/** A place to bind a datapoint to. */
export interface Slot {
  /** Its name in the bindings; of one that takes many they are `key_1`, `key_2`, … */
  key: string;
  title: Words;
  /** Whether it is shown, written, or both. */
  does: 'read' | 'write' | 'both';
  /** Values that fit; empty takes any. */
  takes: readonly ValueKind[];
  /** Units that fit; a datapoint without a unit always does. */
  units?: readonly string[];
  /** So many at the most; one unless it is said. */
  most?: number;
  /** Without it there is nothing to see. */
  needed?: boolean;
}

/** In cells of the grid. */
export interface Size {
  w: number;
  h: number;
}

/** What is known of a datapoint that somebody wants to see. */
export interface Facts {
  address: string;
  kind: ValueKind;
  unit: string;
  writable: boolean;
  name: string;
}

/** What a view is given. */
export interface ViewProps {
  title: string;
  /** What was chosen, over what holds without a choice. */
  options: Readonly<Record<string, unknown>>;
  /** The datapoints by the name of their binding; one without a binding is missing. */
  points: Readonly<Record<string, Point>>;
  /** What somebody chose for each of them: a name, a unit, digits, the length of a pulse. */
  bindings: Readonly<Record<string, Binding>>;
  act: Act;
  /** The widget's own id, for what the daemon fetches for it. */
  id: string;
  /** What the first rule says that looks at this binding and holds. */
  look: (binding: string) => Look;
}

export const groups = ['show', 'operate', 'overview', 'other'] as const;

export interface WidgetKind {
  kind: string;
  name: Words;
  /** What it is good for, in a sentence. */
  about: Words;
  icon: IconName;
  group: (typeof groups)[number];
  /** As it begins, and the least at which it can be read. */
  size: Size;
  least: Size;
  slots: readonly Slot[];
  /** JSON schema of its options; the form is made of it. */
  options: Schema;
  /** How well it suits a datapoint, from 0 to 1. */
  fits: (facts: Facts) => number;
  /** Whether its values can be coloured by rules. */
  coloured?: boolean;
  View: Component<ViewProps>;
}

/** Written as a kind's own file has it. */
export const define = (kind: WidgetKind): WidgetKind => kind;
