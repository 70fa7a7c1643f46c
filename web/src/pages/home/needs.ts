// What needs a hand, from what is known of the house: each with its cause and what mends it. Pure.
import type { Finding, Summary } from '../../api/summary';
import type { Alarm, AlarmPage, Instance, InstanceAction, Panic } from '../../api/types';
import { countText, sizeText } from '../../format/number';
import { secondText, spanText } from '../../format/time';
import type { Texts } from '../../i18n/en';
import type { IconName } from '../../ui/icons';

/** Of each kind; the page of the kind has all. */
export const MOST_OF_A_KIND = 5;

export type Remedy =
  | { kind: 'link'; label: string; name: string; to: string }
  | { kind: 'instance'; label: string; name: string; id: string; action: InstanceAction }
  | { kind: 'acknowledge'; label: string; name: string; address: string };

export interface Need {
  /** Names it; no two are equal. */
  key: string;
  tone: 'bad' | 'warn';
  icon: IconName;
  title: string;
  cause: string;
  hint: string;
  /** The first is what mends it, if this person may. */
  remedies: Remedy[];
}

/** What is known; what is missing was not heard yet. */
export interface House {
  instances: Instance[];
  alarms: AlarmPage | undefined;
  panic: Panic | undefined;
  summary: Summary | undefined;
}

/** Who looks, when, and with which words. */
export interface Looker {
  admin: boolean;
  operator: boolean;
  /** Pages that this person may open. */
  pages: ReadonlySet<string>;
  nowMs: number;
  locale: string;
  t: Texts;
  /** Why an instance is in its state, and what to try, in those words. */
  say: (instance: Instance) => { cause: string; hint: string };
  /** What the daemon said, in the person's language as far as the sentence is known. */
  said: (text: string) => string;
}

/** Everything that needs a hand, the worst first. */
export function needsOf(house: House, looker: Looker): Need[] {
  const all = [
    ...panicNeeds(house.panic, looker),
    ...house.instances.flatMap((instance) => instanceNeeds(instance, looker)),
    ...alarmNeeds(house.alarms, looker),
    ...summaryNeeds(house.summary, looker),
  ];
  return [...all.filter(({ tone }) => tone === 'bad'), ...all.filter(({ tone }) => tone === 'warn')];
}

function panicNeeds(panic: Panic | undefined, { t, locale }: Looker): Need[] {
  if (!panic || panic.state === 'armed' || panic.state === 'drill') return [];
  const words = t.home.panic;
  const cause = words.cause(panic.by, secondText(panic.since_ms, locale));
  const remedies: Remedy[] = [{ kind: 'link', label: words.button, name: words.button, to: '/panic' }];
  return [{ key: 'panic', tone: 'bad', icon: 'kill', title: words.title, cause, hint: panic.fault ?? '', remedies }];
}

/** What mends an instance in this state, for an administrator. */
const MENDS: Record<string, 'start' | 'reactivate' | 'attach'> = {
  error: 'start',
  stopped: 'start',
  suspended_by_spam: 'reactivate',
  suspended_by_limit: 'reactivate',
  detached: 'attach',
};

function instanceNeeds(instance: Instance, { t, admin, say }: Looker): Need[] {
  const words = t.home.instance;
  const name = instance.name || instance.id;
  const title = instanceTitle(instance, name, t);
  if (title === undefined) return [];
  const remedies: Remedy[] = [];
  const action = MENDS[instance.state];
  if (admin && action) {
    const label = t.home.fix[action];
    remedies.push({ kind: 'instance', label, name: t.home.fix.of(label, name), id: instance.id, action });
  } else {
    remedies.push({ kind: 'link', label: words.look, name: words.lookAt(name), to: `/instances?${new URLSearchParams({ search: instance.id })}` });
  }
  const logs = `/instances?${new URLSearchParams({ logs: instance.id })}`;
  remedies.push({ kind: 'link', label: words.logs, name: words.logsOf(name), to: logs });
  const ill = instance.ill === undefined ? '' : (t.ills[instance.ill] ?? instance.ill);
  const { cause: told, hint } = say(instance);
  const said = [ill, told].filter(Boolean).join(': ') || instance.last_error || words.noCause;
  // What a detached one says is that it runs.
  const cause = instance.state === 'detached' ? words.detachedCause : said;
  const tone = instance.state === 'error' || instance.state === 'stopped' ? 'bad' : 'warn';
  return [{ key: `instance ${instance.id}`, tone, icon: 'instances', title, cause, hint, remedies }];
}

/** What is wrong with it; nothing where it runs, is on its way, or was stopped by a person. */
function instanceTitle({ state, enabled }: Instance, name: string, t: Texts): string | undefined {
  const words = t.home.instance;
  if (state === 'error') return words.error(name);
  if (state === 'degraded') return words.degraded(name);
  if (state === 'detached') return words.detached(name);
  if (state.startsWith('suspended')) return words.suspended(name);
  return state === 'stopped' && enabled ? words.stopped(name) : undefined;
}

function alarmNeeds(alarms: AlarmPage | undefined, looker: Looker): Need[] {
  const { t } = looker;
  const items = alarms?.items ?? [];
  const needs = items.slice(0, MOST_OF_A_KIND).map((alarm) => alarmNeed(alarm, looker));
  const left = items.length - needs.length;
  if (left > 0) {
    const link: Remedy = { kind: 'link', label: t.home.alarm.show, name: t.home.alarm.more(left), to: '/alarms' };
    needs.push(rest('alarms', 'bell', t.home.alarm.more(left), t.home.alarm.moreCause, named(link, t.home.alarm.show)));
  }
  return needs;
}

function alarmNeed(alarm: Alarm, { t, operator, locale }: Looker): Need {
  const words = t.home.alarm;
  const name = alarm.name ?? alarm.address;
  const since = (ms: number | undefined) => (ms === undefined ? '–' : secondText(ms, locale));
  const cause = {
    active: () => words.active(since(alarm.activated_ms)),
    acknowledged: () => words.acknowledged(since(alarm.activated_ms), alarm.by ?? ''),
    cleared: () => words.cleared(since(alarm.cleared_ms)),
    normal: () => '',
  }[alarm.state]();
  const waits = alarm.state === 'active' || alarm.state === 'cleared';
  const remedies: Remedy[] = [];
  if (operator && waits) {
    const label = t.alarms.acknowledge;
    remedies.push({ kind: 'acknowledge', label, name: `${label}: ${name}`, address: alarm.address });
  }
  remedies.push({ kind: 'link', label: words.show, name: `${words.show}: ${name}`, to: '/alarms' });
  const tone = alarm.severity === 'critical' && alarm.state !== 'cleared' ? 'bad' : 'warn';
  return { key: `alarm ${alarm.address}`, tone, icon: 'bell', title: words.of(name), cause, hint: alarm.comment ?? '', remedies };
}

function summaryNeeds(summary: Summary | undefined, looker: Looker): Need[] {
  if (!summary) return [];
  return [
    ...diskNeeds(summary, looker),
    ...summary.faults.map((fault, index) => fileNeed(fault, index, looker)),
    ...routeNeeds(summary, looker),
    ...errorNeeds(summary, looker),
  ];
}

function diskNeeds({ box, troubles }: Summary, { t, locale, pages, said }: Looker): Need[] {
  const words = t.home.disk;
  const to = pages.has('/system') ? '/system' : '/logs?tab=lines';
  const remedies: Remedy[] = [{ kind: 'link', label: t.home.file.show, name: t.home.file.show, to }];
  const needs: Need[] = [];
  for (const { name, state, free_mb, size_mb } of box.disks) {
    if (state === 'ok') continue;
    const [free, size] = [sizeText(free_mb, locale), sizeText(size_mb, locale)];
    const full = state === 'full';
    const [title, cause] = full ? [words.full(name), words.fullCause(free, size)] : [words.low(name), words.cause(free, size)];
    needs.push({ key: `disk ${name}`, tone: full ? 'bad' : 'warn', icon: 'disk', title, cause, hint: '', remedies });
  }
  for (const trouble of troubles) {
    needs.push({ key: `trouble ${trouble}`, tone: 'bad', icon: 'disk', title: words.trouble, cause: said(trouble), hint: '', remedies });
  }
  return needs;
}

/** Where a file of the configuration is mended. */
const EDITORS: Record<string, string> = { 'routing.json': '/routes', 'connections.json': '/connections' };

function fileNeed({ severity, file, line, message, hint }: Finding, index: number, { t, pages, said }: Looker): Need {
  const words = t.home.file;
  const to = [EDITORS[file] ?? '', '/system', '/logs?tab=lines'].find((path) => pages.has(path.split('?')[0] ?? '')) ?? '/logs';
  const remedies: Remedy[] = [{ kind: 'link', label: words.show, name: words.showOf(file), to }];
  const cause = `${words.cause(said(message), line)} ${words.kept}`;
  const tone = severity === 'error' ? 'bad' : 'warn';
  return { key: `file ${index} ${file}`, tone, icon: 'file', title: words.title(file), cause, hint: said(hint ?? ''), remedies };
}

function routeNeeds({ failing_routes: { items, count } }: Summary, { t, locale, said }: Looker): Need[] {
  const words = t.home.route;
  const needs = items.slice(0, MOST_OF_A_KIND).map(({ id, errors, matched, last_error }): Need => {
    const to = `/routes?${new URLSearchParams({ id })}`;
    return {
      key: `route ${id}`,
      tone: 'warn',
      icon: 'routes',
      title: words.title(id),
      cause: words.cause(countText(errors, locale), countText(matched, locale)),
      hint: last_error === undefined ? '' : words.last(said(last_error)),
      remedies: [{ kind: 'link', label: words.show, name: words.showOf(id), to }],
    };
  });
  const left = count - needs.length;
  if (left > 0) {
    needs.push(rest('routes', 'routes', words.more(left), words.moreCause, { kind: 'link', label: words.showAll, name: words.showAll, to: '/routes' }));
  }
  return needs;
}

function errorNeeds({ open_errors: { items, next } }: Summary, { t, locale, nowMs, said }: Looker): Need[] {
  const words = t.home.error;
  const to = '/logs?tab=errors';
  const needs = items.slice(0, MOST_OF_A_KIND).map(({ id, title, instance, count, last_ms }): Need => ({
    key: `error ${id}`,
    tone: 'warn',
    icon: 'warn',
    title: said(title),
    cause: words.cause(countText(count, locale), instance || words.daemon, spanText(nowMs - last_ms, t.units)),
    hint: '',
    remedies: [{ kind: 'link', label: words.show, name: words.showOf(said(title)), to }],
  }));
  if (items.length > needs.length || next !== undefined) {
    needs.push(rest('errors', 'warn', words.more, words.moreCause, { kind: 'link', label: words.show, name: words.showOf(words.more), to }));
  }
  return needs;
}

function rest(kind: string, icon: IconName, title: string, cause: string, remedy: Remedy): Need {
  return { key: `more ${kind}`, tone: 'warn', icon, title, cause, hint: '', remedies: [remedy] };
}

/** The name of a remedy holds what is seen of it. */
function named(remedy: Remedy, label: string): Remedy {
  return { ...remedy, name: `${label}: ${remedy.name}` };
}
