// The end points of dashboards and their widgets, and their shapes.
import { call, query } from './http';
import type { Page, Quality, Value, WriteAnswer } from './types';

/** Screen sizes with a layout of their own; the others are derived from `wall`. */
export const sizes = ['phone', 'tablet', 'wall'] as const;
export type Size = (typeof sizes)[number];

export type Role = 'viewer' | 'operator' | 'admin';

/** The least roles; a missing one is `viewer` for `view` and `operator` for `operate`. */
export interface Rights {
  view?: Role;
  operate?: Role;
}

/** The grid of one screen size. */
export interface Grid {
  /** 1 to 48. */
  columns: number;
  /** Whether widgets have cells of their own at this size; if not they are derived from `wall`. */
  own?: boolean;
}

/** A page of widgets. */
export interface Dashboard {
  /** Lower-case letters, digits, `_` and `-`, at most 64. The daemon gives one if it is left out. */
  id: string;
  /** 1 to 200 characters. */
  name: string;
  /** The name of an icon, or an emoji. */
  icon?: string;
  /** The floor or the part of the house that it belongs to; pages of the same group stand together. */
  group?: string;
  /** By size; a missing one is the page's own choice. */
  grids?: Partial<Record<Size, Grid>>;
  rights?: Rights;
  /** What this version of the pages may keep with a page, at most 16 kB. */
  options?: Record<string, unknown>;
}

export interface DashboardEntry extends Dashboard {
  /** For `If-Match`. */
  etag: string;
  /** How many widgets the asker may see on it. */
  widgets: number;
}

/** The pages in their order. */
export interface Dashboards extends Page<DashboardEntry> {
  /** For `If-Match` when the order is changed. */
  order_etag: string;
}

/** One datapoint of a widget. */
export interface Binding {
  /** The full address. */
  address: string;
  /** What it is called on the widget. */
  label?: string;
  /** In the place of the unit that the datapoint has. */
  unit?: string;
  /** 0 to 12. */
  decimals?: number;
  /** What is written here ends after so many milliseconds, 50 to 5,000, on the daemon. */
  pulse_ms?: number;
}

/** Where a widget stands, in columns and rows from 0. */
export interface Cell {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const comparisons = ['<', '<=', '=', '!=', '>=', '>', 'bad', 'stale'] as const;
export type Comparison = (typeof comparisons)[number];

/** The first rule that holds says how the widget looks. */
export interface Rule {
  /** The name of the binding that is looked at; `value` if it is left out. */
  binding?: string;
  when: Comparison;
  /** What is compared with; left out for `bad` and `stale`. */
  than?: boolean | number | string;
  /** The name of a colour (`good`, `warn`, `bad`, `accent`, `muted`, …) or `#rrggbb`. */
  colour: string;
  /** Shown in the place of the value. */
  text?: string;
}

/** The kinds that this version has. Others come back as they are, and are shown as unknown. */
export const widgetKinds = [
  'value',
  'gauge',
  'bar',
  'switch',
  'button',
  'slider',
  'dimmer',
  'shutter',
  'thermostat',
  'lamps',
  'text',
  'input',
  'select',
  'chart',
  'table',
  'energy',
  'battery',
  'camera',
  'alarms',
  'clock',
  'weather',
  'frame',
] as const;

/** What a widget is, wherever it stands. */
export interface WidgetBody {
  /** One of {@link widgetKinds}, or one of another version. */
  kind: string;
  /** At most 200 characters; may be empty. */
  title?: string;
  icon?: string;
  /** At most 128, by name: `value`, `command`, `feedback`, … */
  bindings?: Record<string, Binding>;
  /** As its kind says; at most 32 kB. `camera` has `url`, which only administrators get to see. */
  options?: Record<string, unknown>;
  /** At most 50. */
  rules?: Rule[];
  rights?: Rights;
  /** Whether it asks for the PIN of the house before it operates anything. */
  pin?: boolean;
  /** Its cell by screen size; a missing one is derived. */
  layout?: Partial<Record<Size, Cell>>;
  /** Widgets of one page with the same word here are moved together. */
  group?: string;
}

export interface Widget extends WidgetBody {
  /** Lower-case letters, digits, `_` and `-`, at most 64. The daemon gives one if it is left out. */
  id: string;
  /** The id of its page. */
  dashboard: string;
}

export interface WidgetEntry extends Widget {
  /** For `If-Match`. */
  etag: string;
  /** Whether the asker may operate it. */
  may_operate: boolean;
}

/** One or several widgets to be used again. */
export interface Template {
  id: string;
  name: string;
  icon?: string;
  /** At most 50. */
  widgets: WidgetBody[];
}

export interface TemplateEntry extends Template {
  etag: string;
}

/** One step of a change that is done as a whole or not at all. */
export type Step =
  | { add: Omit<Widget, 'id'> & { id?: string } }
  | { put: Widget; etag: string }
  /** Moves only: of what is left out nothing changes. */
  | { move: string; etag: string; layout?: Partial<Record<Size, Cell>>; dashboard?: string; group?: string }
  | { remove: string; etag: string };

/** A change that was made, or could be made undone. */
export interface ChangeHead {
  /** Counts up from 1. */
  change: number;
  time_ms: number;
  /** A user, a token, or `hand edit`. */
  who: string;
  deed: 'edit' | 'undo' | 'redo' | 'restore' | 'import' | 'file';
  /** The change that was undone or redone, or the one to which everything went back. */
  of?: number;
  /** How many entries it touched. */
  entries: number;
  /** The first of them. */
  touched: { kind: EntryKind; id: string; title: string; how: 'added' | 'changed' | 'removed' }[];
}

export type EntryKind = 'dashboard' | 'widget' | 'template' | 'order';

/** How one entry differs; a missing side was not there. */
export interface Difference {
  kind: EntryKind;
  id: string;
  before?: unknown;
  after?: unknown;
}

export interface ChangeDetail extends ChangeHead {
  differences: Difference[];
}

/** What holds for all dashboards. */
export interface DashboardsState {
  /** The last change; also the datapoint `system.dashboards.change`, which tells of each new one. */
  change: number;
  /** Why nothing can be changed: the file on disk is broken. */
  fault?: { file: string; message: string; hint?: string; line?: number; column?: number; key?: string };
  /** Origins that embedded pages may have, as `frame-src` says. */
  frames: string[];
  /** Whether there is a PIN. */
  pin_is_set: boolean;
  /** What the asker's next undo takes back; missing if there is nothing. */
  undo?: ChangeHead;
  redo?: ChangeHead;
}

export interface Undone {
  /** The change that it made; missing if everything of it had been changed by others since. */
  change?: ChangeHead;
  /** What others changed since, and what therefore stays as it is. */
  left: { kind: EntryKind; id: string; title: string; who: string }[];
}

/** The whole of it, as it is exported and imported. */
export interface Exported {
  version: '1.0';
  dashboards: Dashboard[];
  widgets: Widget[];
  templates?: Template[];
}

export interface ImportReport {
  /** Whether it was taken over; if not, nothing was changed. */
  applied: boolean;
  added: number;
  changed: number;
  removed: number;
  /** What was there already, just so. */
  same: number;
  /** What the importer should know, place by place. */
  notes: { key: string; message: string; hint?: string }[];
  change?: number;
}

/** `binding` is the name of the binding that is operated: `command` if there is one, else `value`. */
export interface Operation {
  binding?: string;
  value?: Value;
  pin?: string;
  /** Milliseconds to wait for the end of it. */
  wait_ms?: number;
}

/** One pixel column of a chart. Numbers are missing where no good number fell into it. */
export interface Column {
  /** The moment of its first value. */
  t_ms: number;
  min?: number;
  max?: number;
  last?: number;
  /** Values that were not good, or no number. */
  bad: number;
}

export interface Columns {
  address: string;
  most: number;
  /** How many values lie in the columns. */
  values: number;
  columns: Column[];
}

export interface Near {
  address: string;
  /** Whether its instance is there. */
  instance: boolean;
  /** Whether the data space has it. */
  known: boolean;
  quality?: Quality;
  /** The most alike first, at most 5. */
  near: string[];
}

const dashboard = (id: string) => `/api/dashboards/${encodeURIComponent(id)}`;
const widget = (id: string, rest = '') => `/api/widgets/${encodeURIComponent(id)}${rest}`;
const template = (id: string) => `/api/widgets/templates/${encodeURIComponent(id)}`;

export const getState = () => call<DashboardsState>('GET', '/api/widgets/state');

export const getDashboards = () => call<Dashboards>('GET', '/api/dashboards');
export const getDashboard = (id: string) => call<DashboardEntry>('GET', dashboard(id));
export const addDashboard = (body: Omit<Dashboard, 'id'> & { id?: string }) =>
  call<DashboardEntry>('POST', '/api/dashboards', { body });
export const putDashboard = (body: Dashboard, ifMatch: string) =>
  call<DashboardEntry>('PUT', dashboard(body.id), { body, ifMatch });
/** Its widgets go with it, in one change. */
export const removeDashboard = (id: string, ifMatch: string) => call<void>('DELETE', dashboard(id), { ifMatch });
/** Names every page once. */
export const orderDashboards = (ids: string[], ifMatch: string) =>
  call<Dashboards>('POST', '/api/dashboards/order', { body: { ids }, ifMatch });

/** All widgets of a page. */
export const getWidgets = (of: string, signal?: AbortSignal) =>
  call<Page<WidgetEntry>>('GET', `/api/widgets${query({ dashboard: of, limit: 5000 })}`, signal && { signal });
export const getWidget = (id: string) => call<WidgetEntry>('GET', widget(id));
export const addWidget = (body: Omit<Widget, 'id'> & { id?: string }) =>
  call<WidgetEntry>('POST', '/api/widgets', { body });
export const putWidget = (body: Widget, ifMatch: string) =>
  call<WidgetEntry>('PUT', widget(body.id), { body, ifMatch });
export const removeWidget = (id: string, ifMatch: string) => call<void>('DELETE', widget(id), { ifMatch });
/** All steps or none, in one change: a drag, a paste, a group. At most 1,000. A lost race answers 412 and names the widget in `at.key` (`steps[3]`);
 * a place where another one stands answers 422 (`steps[3].layout.wall`). */
export const changeWidgets = (steps: Step[]) =>
  call<{ change: number; items: WidgetEntry[] }>('POST', '/api/widgets/batch', { body: { steps } });

export const operate = (id: string, body: Operation) =>
  call<WriteAnswer>('POST', widget(id, '/operate'), { body, timeoutMs: 30_000 });

export const getTemplates = () => call<Page<TemplateEntry>>('GET', '/api/widgets/templates');
export const addTemplate = (body: Omit<Template, 'id'> & { id?: string }) =>
  call<TemplateEntry>('POST', '/api/widgets/templates', { body });
export const putTemplate = (body: Template, ifMatch: string) =>
  call<TemplateEntry>('PUT', template(body.id), { body, ifMatch });
export const removeTemplate = (id: string, ifMatch: string) => call<void>('DELETE', template(id), { ifMatch });

export const getChanges = (before?: number, of: { widget?: string; dashboard?: string } = {}) =>
  call<Page<ChangeHead>>('GET', `/api/widgets/versions${query({ before, ...of })}`);
export const getChange = (change: number) => call<ChangeDetail>('GET', `/api/widgets/versions/${change}`);
/** What differs between the state after `change` and that after `to`, or now. */
export const getDifference = (change: number, to?: number) =>
  call<{ differences: Difference[] }>('GET', `/api/widgets/versions/${change}/difference${query({ to })}`);
/** Everything, or one entry, goes back to the state after `change`. `now` is `change` of the state that was seen. */
export const restoreChange = (change: number, now: number, only?: { widget?: string; dashboard?: string }) =>
  call<ChangeHead>('POST', `/api/widgets/versions/${change}/restore`, { body: only ?? {}, ifMatch: String(now) });
/** `change`: the one that is to be undone, as `getState` named it; another one by then is a conflict (409). */
export const undo = (change?: number) => call<Undone>('POST', '/api/widgets/undo', { body: { change } });
export const redo = (change?: number) => call<Undone>('POST', '/api/widgets/redo', { body: { change } });

export const exportUrl = '/api/widgets/export';
export const getExport = () => call<Exported>('GET', exportUrl);
/** `add`: beside what is there; `replace`: in its place. With `tryOnly` nothing changes. `instance`: whose the variables of an old configuration are. */
export const importWidgets = (body: unknown, mode: 'add' | 'replace', tryOnly = false, instance = '') =>
  call<ImportReport>('POST', `/api/widgets/import${query({ mode, try_only: tryOnly ? 'true' : undefined, instance })}`, {
    body,
    timeoutMs: 60_000,
  });

/** 4 to 12 digits. */
export const setPin = (pin: string) => call<void>('PUT', '/api/widgets/pin', { body: { pin } });
export const removePin = () => call<void>('DELETE', '/api/widgets/pin');

/** For the `src` of an image: MJPEG, or with `at` one picture (a number that differs makes the browser ask again). */
export const cameraUrl = (id: string, at?: number) => `/api/camera/${encodeURIComponent(id)}${query({ at })}`;

/** The last values of a saved chart, at most 10,000, in so many pixel columns. */
export const getColumns = (address: string, points: number, sinceMs?: number, signal?: AbortSignal) =>
  call<Columns>('GET', `/api/datapoint/columns${query({ address, points, since_ms: sinceMs })}`, signal && { signal });

/** What is there in the place of a datapoint that is gone. */
export const getNear = (address: string) => call<Near>('GET', `/api/datapoint/near${query({ address })}`);
