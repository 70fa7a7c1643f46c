// All pages of dashboards, and what holds for them. They are read again when the daemon tells of a change.
import { type DashboardEntry, type Dashboards, type DashboardsState, getDashboards, getState } from '../../api/dashboards';
import { asProblem, type Problem } from '../../api/http';

/** The datapoint that counts the changes of all dashboards. */
export const CHANGE = 'system.dashboards.change';

const START = 'fieldrail.start';

class House {
  pages = $state.raw<DashboardEntry[]>();
  orderEtag = $state.raw('');
  state = $state.raw<DashboardsState>();
  problem = $state.raw<Problem>();
  #turn = 0;

  async load(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const [list, state] = await Promise.all([getDashboards(), getState()]);
      if (turn !== this.#turn) return;
      this.take(list);
      [this.state, this.problem] = [state, undefined];
    } catch (cause) {
      if (turn === this.#turn) this.problem = asProblem(cause);
    }
  }

  take(list: Dashboards): void {
    [this.pages, this.orderEtag] = [list.items, list.order_etag];
  }

  /** What is undone and redone next. */
  async look(): Promise<void> {
    try {
      this.state = await getState();
    } catch {
      // The next change tells.
    }
  }
}

export const house = new House();

/** Which page this device opens by itself; empty for none. */
class Start {
  page = $state.raw(localStorage.getItem(START) ?? '');

  set(page: string): void {
    this.page = page;
    if (page) localStorage.setItem(START, page);
    else localStorage.removeItem(START);
  }
}

export const start = new Start();
