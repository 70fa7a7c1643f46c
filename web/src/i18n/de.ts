// The German texts. A missing one does not compile: the type is that of the English ones.
import { alarms } from './de/alarms';
import { battery } from './de/battery';
import { bluetooth } from './de/bluetooth';
import { box } from './de/box';
import { connections } from './de/connections';
import { dashboards } from './de/dashboards';
import { data as dataPage } from './de/data';
import { form } from './de/form';
import { frame } from './de/frame';
import { home } from './de/home';
import { instance } from './de/instance';
import { ills, instances, states } from './de/instances';
import { log, logs } from './de/logs';
import { panic } from './de/panic';
import { panicPage } from './de/panicPage';
import { notFound, problem } from './de/problems';
import { routes } from './de/routes';
import { login, setup } from './de/session';
import { actions, link, menu, nav, notices, units } from './de/shell';
import { system } from './de/system';
import { data, point, quality, reasons, tree, write } from './de/values';
import { vault } from './de/vault';
import type { Texts } from './en';

export const de: Texts = {
  actions,
  alarms,
  battery,
  bluetooth,
  box,
  connections,
  dashboards,
  data,
  dataPage,
  form,
  frame,
  home,
  ills,
  instance,
  instances,
  link,
  log,
  login,
  logs,
  menu,
  nav,
  notFound,
  notices,
  panic,
  panicPage,
  point,
  problem,
  quality,
  reasons,
  routes,
  setup,
  states,
  system,
  tree,
  units,
  vault,
  write,
};
