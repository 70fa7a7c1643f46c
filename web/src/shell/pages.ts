import type { Component } from 'svelte';
import type { IconName } from '../ui/icons';

/** A page with a place in the navigation. */
export interface PageLink {
  key: 'instances' | 'data' | 'routes' | 'alarms' | 'logs' | 'panic';
  path: string;
  icon: IconName;
  /** Fetches its code, so that the first load is small. */
  load: () => Promise<{ default: Component }>;
}

/** Every page there is. One that is not built has no link. */
export const pages: readonly PageLink[] = [
  {
    key: 'instances',
    path: '/instances',
    icon: 'instances',
    load: () => import('../pages/instances/InstancesPage.svelte'),
  },
  { key: 'data', path: '/data', icon: 'data', load: () => import('../pages/data/DataPage.svelte') },
  { key: 'routes', path: '/routes', icon: 'routes', load: () => import('../pages/routes/RoutesPage.svelte') },
  { key: 'alarms', path: '/alarms', icon: 'bell', load: () => import('../pages/alarms/AlarmsPage.svelte') },
  { key: 'logs', path: '/logs', icon: 'logs', load: () => import('../pages/logs/LogsPage.svelte') },
];

/** Pages without a place in the navigation: links of other places lead there. */
export const unlisted: readonly PageLink[] = [
  { key: 'panic', path: '/panic', icon: 'warn', load: () => import('../pages/panic/PanicPage.svelte') },
];

/** The page at this path, in the navigation or not. */
export function pageAt(path: string): PageLink | undefined {
  return [...pages, ...unlisted].find((page) => page.path === path);
}

/** Fetches all of them while nothing else is to do: then each opens at once, also without the network. */
export function loadAll(): void {
  const idle = window.requestIdleCallback ?? setTimeout;
  idle(() => void Promise.allSettled(pages.map((page) => page.load())));
}
