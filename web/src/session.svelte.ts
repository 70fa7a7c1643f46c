// Who is logged in, and the ways in and out.
import { getMe, getSetup, login, logout, postSetup } from './api/endpoints';
import { asProblem, type Problem } from './api/http';
import type { User } from './api/types';
import { parseHash } from './hash';
import { endLive, goLive } from './live/live';
import { place } from './place.svelte';

/** Where one goes who did not want to go anywhere. */
export const HOME = '/home';
/** The guided first connection. */
const FIRST = '/first';
const LOGIN = '/login';
const SETUP = '/setup';
/** Pages for those who are not logged in. */
const WAYS_IN = ['/', LOGIN, SETUP];
/** Before asking again whether the daemon is there, at the first load. */
const RETRY_MS = 3_000;

/** A device that was given a dashboard as its start page opens that. */
const startPath = () => (localStorage.getItem('fieldrail.start') ? '/dashboards' : HOME);

class Session {
  user = $state.raw<User>();
  /** Whether the first question to the daemon is answered. */
  ready = $state.raw(false);
  /** Why the first question is not answered yet, or why a one-time link was refused. */
  problem = $state.raw<Problem>();
  /** Whether a session that was there has ended by itself. */
  expired = $state.raw(false);

  isAdmin = $derived(this.user?.role === 'admin');
  mayWrite = $derived(this.user?.role === 'admin' || this.user?.role === 'operator');

  /** Finds out who this is, or which way in is open. */
  async begin(): Promise<void> {
    try {
      if (place.path === LOGIN && place.query['once']) return await this.#useLink(place.query['once']);
      this.#enter(await getMe());
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem.status !== 401) return this.#tryLater(problem);
      await this.#findWayIn();
    }
  }

  async logIn(name: string, password: string): Promise<void> {
    this.#enter(await login({ name, password }));
  }

  async setUp(code: string, name: string, password: string): Promise<void> {
    this.#enter(await postSetup({ code, name, password }));
    // An empty house has nothing to show but the way to its first connection.
    place.open(FIRST, {}, { replace: true });
  }

  async logOut(): Promise<void> {
    await logout();
    this.#leave();
    place.open(LOGIN);
  }

  /** Another page was opened. The ways in are no place to stay at, and a login link works in an open page too. */
  visit(): void {
    if (!this.ready) return;
    if (place.path === LOGIN && place.query['once']) void this.begin();
    else if (this.user && WAYS_IN.includes(place.path)) this.#goOn();
  }

  /** The daemon no longer knows this session. */
  lost(): void {
    if (!this.user) return;
    this.#leave();
    this.expired = true;
    this.#askToLogIn();
  }

  /** A code from the console logs in once. It leaves the address bar before anything else. */
  async #useLink(once: string): Promise<void> {
    place.set({ once: '' });
    try {
      this.#enter(await login({ once }));
    } catch (cause) {
      await this.#findWayIn();
      this.problem = asProblem(cause);
    }
  }

  async #findWayIn(): Promise<void> {
    try {
      if ((await getSetup()).open) place.open(SETUP, {}, { replace: true });
      else if (place.path !== LOGIN) this.#askToLogIn();
      this.problem = undefined;
      this.ready = true;
    } catch (cause) {
      this.#tryLater(asProblem(cause));
    }
  }

  #tryLater(problem: Problem): void {
    this.problem = problem;
    setTimeout(() => void this.begin(), RETRY_MS);
  }

  #askToLogIn(): void {
    const wanted = location.hash.replace(/^#/, '');
    const next = WAYS_IN.includes(place.path) ? '' : wanted;
    place.open(LOGIN, { next }, { replace: true });
  }

  #enter(user: User): void {
    // Another person by a login link: nothing of the one before stays.
    if (this.user) endLive();
    this.user = user;
    this.ready = true;
    this.problem = undefined;
    this.expired = false;
    goLive();
  }

  /** To where one wanted to go. `next` is only ever used behind the `#`, so it leads to no other host. */
  #goOn(): void {
    const next = place.query['next'];
    const { path, query } = next ? parseHash(next) : { path: startPath(), query: {} };
    place.open(path, query, { replace: true });
  }

  #leave(): void {
    this.user = undefined;
    endLive();
  }
}

export const session = new Session();
