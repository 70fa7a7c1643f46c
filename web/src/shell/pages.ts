import type { Component } from 'svelte';
import type { Role } from '../api/types';
import type { Texts } from '../i18n/en';
import { refusals } from '../i18n/refusals.svelte';
import { RADIO } from '../live/able';
import type { IconName } from '../ui/icons';

/** A page. A new one is one entry here, and one text in `nav`. */
export interface PageLink {
  /** Its name in the texts of `nav`. */
  key: keyof Texts['nav'];
  path: string;
  icon: IconName;
  /** The least role that may open it; without one everybody may. */
  least?: Role;
  /** Words that an instance must have for the page to stand in the navigation: what its driver is able to. */
  needs?: readonly string[];
  /** One of the four that a phone shows without a detour. */
  often?: boolean;
  /** Fetches its code, so that the first load is small. */
  load: () => Promise<{ default: Component }>;
}

/** Every page with a place in the navigation, in its order. One that is not built has no link. */
export const pages: readonly PageLink[] = [
  { key: 'home', path: '/home', icon: 'home', often: true, load: () => import('../pages/home/HomePage.svelte') },
  {
    key: 'dashboards',
    path: '/dashboards',
    icon: 'tiles',
    often: true,
    load: () => import('../pages/dashboards/DashboardsPage.svelte'),
  },
  { key: 'data', path: '/data', icon: 'data', often: true, load: () => import('../pages/data/DataPage.svelte') },
  { key: 'routes', path: '/routes', icon: 'routes', load: () => import('../pages/routes/RoutesPage.svelte') },
  {
    key: 'instances',
    path: '/instances',
    icon: 'instances',
    load: () => import('../pages/instances/InstancesPage.svelte'),
  },
  {
    key: 'connections',
    path: '/connections',
    icon: 'plug',
    least: 'admin',
    load: () => import('../pages/connections/ConnectionsPage.svelte'),
  },
  {
    key: 'batteries',
    path: '/batteries',
    icon: 'battery',
    needs: ['battery'],
    load: () => import('../pages/batteries/BatteriesPage.svelte'),
  },
  {
    key: 'bluetooth',
    path: '/bluetooth',
    icon: 'bluetooth',
    least: 'admin',
    needs: RADIO,
    load: () => import('../pages/bluetooth/BluetoothPage.svelte'),
  },
  { key: 'alarms', path: '/alarms', icon: 'bell', often: true, load: () => import('../pages/alarms/AlarmsPage.svelte') },
  { key: 'logs', path: '/logs', icon: 'logs', load: () => import('../pages/logs/LogsPage.svelte') },
  { key: 'system', path: '/system', icon: 'system', least: 'admin', load: () => import('../pages/system/SystemPage.svelte') },
];

/** Pages without a place in the navigation: other pages lead there, or who knows the address opens them. */
export const unlisted: readonly PageLink[] = [
  { key: 'first', path: '/first', icon: 'plug', least: 'admin', load: () => import('../pages/first/FirstPage.svelte') },
  { key: 'panic', path: '/panic', icon: 'warn', load: () => import('../pages/panic/PanicPage.svelte') },
  { key: 'gallery', path: '/gallery', icon: 'tiles', load: () => import('../pages/gallery/GalleryPage.svelte') },
];

const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];

/** Whether somebody with this role may open the page. */
export function isOpenTo(page: PageLink, role: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(page.least ?? 'viewer');
}

/** The page at this path, in the navigation or not. */
export function pageAt(path: string): PageLink | undefined {
  return pages.find((page) => page.path === path) ?? unlisted.find((page) => page.path === path);
}

/** Fetches all of them while nothing else is to do: then each opens at once, also without the network. */
export function loadAll(role: Role): void {
  const idle = window.requestIdleCallback ?? setTimeout;
  const open = pages.filter((page) => isOpenTo(page, role));
  idle(() => {
    refusals.fetch();
    void Promise.allSettled([...open.map((page) => page.load()), import('./search/SearchDialog.svelte')]);
  });
}
