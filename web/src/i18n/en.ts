// The English texts, and by their type what every other language must have.
import { alarms } from './en/alarms';
import { battery } from './en/battery';
import { bluetooth } from './en/bluetooth';
import { box } from './en/box';
import { connections } from './en/connections';
import { dashboards } from './en/dashboards';
import { data as dataPage } from './en/data';
import { form } from './en/form';
import { frame } from './en/frame';
import { home } from './en/home';
import { instance } from './en/instance';
import { ills, instances, states } from './en/instances';
import { log, logs } from './en/logs';
import { panic } from './en/panic';
import { panicPage } from './en/panicPage';
import { notFound, problem } from './en/problems';
import { routes } from './en/routes';
import { login, setup } from './en/session';
import { actions, link, menu, nav, notices, units } from './en/shell';
import { system } from './en/system';
import { data, point, quality, reasons, tree, write } from './en/values';
import { vault } from './en/vault';

export const en = {
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

export type Texts = typeof en;
