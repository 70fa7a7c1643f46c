// How far what a widget shows can be believed: the worst of what it is bound to. Pure.
import type { Quality } from '../api/types';

/** What is known of a bound datapoint. */
export interface Standing {
  /** Whether the present connection has confirmed it. */
  known: boolean;
  quality: Quality;
  reason: string;
  note: string;
  receiveMs: number;
}

/** A datapoint that never had a value. */
export interface Gone {
  /** Whether there is none at all; if not it may still get one. */
  missing: boolean;
  /** What it may be instead; empty where nothing is near. */
  hint: string;
}

/** From the worst to the best. `none`: nothing is bound that could be shown. */
export const truths = ['unbound', 'gone', 'unknown', 'bad', 'stale', 'uncertain', 'good', 'none'] as const;
export type Truth = (typeof truths)[number];

export interface Judged {
  truth: Truth;
  /** The binding that is to blame. */
  binding: string;
}

function truthOf({ known, quality, reason }: Standing): Truth {
  if (!known) return 'unknown';
  if (reason === 'stale') return 'stale';
  return quality;
}

/** The worst of the bindings; `gone` are those whose datapoint does not exist. */
export function judged(points: Readonly<Record<string, Standing>>, gone: ReadonlySet<string>, misses: boolean): Judged {
  let worst: Judged = { truth: misses ? 'unbound' : 'none', binding: '' };
  for (const [binding, point] of Object.entries(points)) {
    const truth = gone.has(binding) ? 'gone' : truthOf(point);
    if (truths.indexOf(truth) < truths.indexOf(worst.truth)) worst = { truth, binding };
  }
  return worst;
}
