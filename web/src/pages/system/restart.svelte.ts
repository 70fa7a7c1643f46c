// The daemon ends and begins anew; the page waits for it and goes on by itself.
import { getHealth, getMe } from '../../api/endpoints';
import { asProblem } from '../../api/http';
import { getAbout, restartDaemon } from '../../api/system';

export type RestartState = 'idle' | 'stops' | 'starts' | 'back';

/** Between two looks whether it is back. */
const LOOK_MS = 500;
/** A start that takes longer than so long deserves a word. */
const SLOW_MS = 30_000;

class Restart {
  state = $state.raw<RestartState>('idle');
  slow = $state.raw(false);
  /** How often the daemon has come back: what is shown of it is read anew then. */
  times = $state.raw(0);

  /** Asks for the restart. Throws if that is refused; else the page waits behind the cover until the daemon is back. */
  async begin(): Promise<void> {
    const before = (await getAbout()).uptime_s;
    await restartDaemon();
    this.state = 'stops';
    this.slow = false;
    void this.#wait(before, Date.now());
  }

  async #wait(before: number, begun: number): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      this.slow = Date.now() - begun > SLOW_MS;
      const look = await this.#look(before + (Date.now() - begun) / 1000);
      if (look === 'gone') this.state = 'starts';
      if (look === 'new') break;
    }
    this.state = 'back';
    // A session of the console went with the old daemon: then this leads to the log-in and back to this page.
    await getMe().catch(() => {});
    this.state = 'idle';
    this.times += 1;
  }

  /** A daemon that runs shorter than the old one would, or that knows this session no more, is the new one. */
  async #look(wouldRun: number): Promise<'old' | 'gone' | 'new'> {
    try {
      await getHealth();
      return (await getAbout()).uptime_s < wouldRun - 2 ? 'new' : 'old';
    } catch (cause) {
      return asProblem(cause).status === 401 ? 'new' : 'gone';
    }
  }
}

export const restart = new Restart();
