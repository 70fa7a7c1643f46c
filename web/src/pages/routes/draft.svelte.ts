// One route that is being written: what it is now, what is wrong with it, and what it would do.
import { asProblem, isAbort, type Problem } from '../../api/http';
import { addRoute, type Attempt, type Attempted, changeRoute, getRoute, type RouteFinding, tryRoute } from '../../api/routing';
import type { RouteItem, RouteSpec, Value } from '../../api/types';
import { drafts } from './drafts';
import { listOf, parseSpec, same, specOf } from './spec';

/** Who types is not interrupted by every letter. */
const PAUSE_MS = 250;
/** A value that changes is looked at no more often than this. */
const FOLLOW_MS = 1_000;

/** Somebody else's version of the route; undefined where they deleted it. */
export interface Clash {
  theirs: RouteItem | undefined;
}

export class Draft {
  spec = $state.raw<RouteSpec>({ id: '', from: '', to: '' });
  /** As it is in the daemon; undefined for a new route. */
  base = $state.raw<RouteSpec>();
  etag = $state.raw('');
  /** What is written as JSON and is not the route yet, or not as it would be written. */
  json = $state.raw<string>();
  clash = $state.raw<Clash>();
  saving = $state.raw(false);
  /** Why saving failed. */
  problem = $state.raw<Problem>();

  attempted = $state.raw<Attempted>();
  /** Why the daemon could not try it. */
  untried = $state.raw<Problem>();
  /** Whether what is shown is of what is written. */
  fresh = $state.raw(false);
  /** Which source to look at; empty for the first one with a value. */
  source = $state.raw('');
  /** A value to try instead of the present one. */
  given = $state.raw<{ value: Value; quality?: string }>();

  /** What it was before anybody changed it here. */
  origin = $state.raw<RouteSpec>(this.spec);
  /** Whether changes of before were taken up. */
  restored = $state.raw(false);
  isNew = $derived(this.base === undefined);
  /** Whether the JSON that was written is none yet: then the route is not what the person sees. */
  isHalf = $derived(this.json !== undefined && !('spec' in parseSpec(this.json)));
  dirty = $derived(!same(this.spec, this.origin));
  findings: RouteFinding[] = $derived(this.attempted?.findings ?? []);
  /** Whether a new route has no source or no target yet: that is no mistake while it is being written. */
  misses = $derived(this.isNew && ['from', 'to'].some((end) => this.#isBare(end)));
  errors = $derived(this.findings.filter(({ severity }) => severity === 'error').length);

  readonly #key: string;
  readonly #query: Record<string, string>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort: AbortController | undefined;
  #lastMs = 0;
  /** Whether an answer is awaited, and whether the value has changed meanwhile. */
  #asking = false;
  #again = false;

  /**
   * A route of the daemon, or a new one that begins like `begin`. Unsaved changes of before, kept under `key`, are taken
   * up; `query` opens the editor with them again.
   */
  constructor(key: string, query: Record<string, string>, item: RouteItem | undefined, begin: RouteSpec) {
    [this.#key, this.#query] = [key, query];
    this.base = item && specOf(item);
    this.etag = item?.etag ?? '';
    this.spec = this.origin = this.base ?? begin;
    const kept = drafts.of(key);
    if (kept && (kept.json !== undefined || !same(kept.spec, this.origin))) {
      this.spec = kept.spec;
      this.json = kept.json;
      this.restored = true;
      // What they were made from may have changed meanwhile: then a save shows both.
      if (item && kept.base) [this.base, this.origin, this.etag] = [kept.base, kept.base, kept.etag];
    } else if (kept) drafts.drop(key);
    this.#try(0);
  }


  /** Takes a change of the person. */
  change(spec: RouteSpec): void {
    if (same(spec, this.spec)) return;
    this.spec = spec;
    this.problem = undefined;
    this.#keep();
    this.#try(PAUSE_MS);
  }

  /** Takes what the person writes as JSON; it becomes the route as soon as it is one. */
  write(json: string): void {
    const parsed = parseSpec(json);
    this.json = json;
    if ('spec' in parsed) this.change(parsed.spec);
    this.#keep();
  }

  #keep(): void {
    if (!this.dirty && !this.isHalf) return drafts.drop(this.#key);
    const base = this.base ? { base: this.base } : {};
    const half = this.isHalf && this.json !== undefined ? { json: this.json } : {};
    drafts.keep({ key: this.#key, query: this.#query, ...base, etag: this.etag, spec: this.spec, ...half });
  }

  /** Throws the changes away. */
  discard(): void {
    drafts.drop(this.#key);
    this.change(this.origin);
    [this.problem, this.clash, this.restored, this.json] = [undefined, undefined, false, undefined];
  }

  /** Looks at another source, or at a value of one's own. */
  look(to: { source?: string; given?: { value: Value; quality?: string } | undefined }): void {
    if (to.source !== undefined) this.source = to.source;
    if ('given' in to) this.given = to.given;
    this.#try(0);
  }

  /** The value of the source has changed. */
  follow(): void {
    if (this.given || this.#timer !== undefined) return;
    // A daemon that answers slowly is not asked anew before it has.
    if (this.#asking) this.#again = true;
    else this.#try(Math.max(0, this.#lastMs + FOLLOW_MS - performance.now()), true);
  }

  #try(inMs: number, isFollowing = false): void {
    // A value that moves on says nothing against the findings and the tests.
    if (!isFollowing) this.fresh = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tryNow(), inMs);
  }

  async #tryNow(): Promise<void> {
    this.#timer = undefined;
    this.#lastMs = performance.now();
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    [this.#asking, this.#again] = [true, false];
    const attempt: Attempt = { route: this.spec };
    if (this.base) attempt.instead_of = this.base.id;
    if (this.source) attempt.source = this.source;
    if (this.given) attempt.sample = this.given;
    try {
      const attempted = await tryRoute(attempt, abort.signal);
      if (abort.signal.aborted) return;
      [this.attempted, this.untried, this.fresh] = [attempted, undefined, this.#timer === undefined];
    } catch (cause) {
      if (isAbort(cause) || abort.signal.aborted) return;
      this.untried = asProblem(cause);
    } finally {
      if (!abort.signal.aborted) {
        this.#asking = false;
        if (this.#again) this.follow();
      }
    }
  }

  /** Saves it; true if that is done. A lost race sets `clash`, and everything else `problem`. */
  async save(): Promise<boolean> {
    [this.saving, this.problem] = [true, undefined];
    try {
      const saved = this.isNew ? await addRoute(this.spec) : await changeRoute(this.spec, this.etag);
      drafts.drop(this.#key);
      [this.base, this.etag, this.clash, this.restored] = [specOf(saved), saved.etag, undefined, false];
      this.spec = this.origin = this.base;
      this.#try(0);
      return true;
    } catch (cause) {
      const problem = asProblem(cause);
      // The route that an `If-Match` names is changed, or gone.
      if (!this.isNew && (problem.status === 412 || problem.status === 404)) await this.#meet(problem);
      else this.problem = problem;
      return false;
    } finally {
      this.saving = false;
    }
  }

  async #meet(problem: Problem): Promise<void> {
    try {
      this.clash = { theirs: await getRoute(this.spec.id) };
    } catch (cause) {
      if (asProblem(cause).status === 404) this.clash = { theirs: undefined };
      else this.problem = problem;
    }
  }

  /** Goes on with this version, knowing of theirs: the next save takes its place. */
  settle(spec: RouteSpec): void {
    const theirs = this.clash?.theirs;
    this.clash = undefined;
    this.base = theirs && specOf(theirs);
    this.etag = theirs?.etag ?? '';
    this.origin = this.base ?? this.origin;
    this.spec = spec;
    this.#keep();
    this.#try(0);
  }

  #isBare(end: string): boolean {
    return listOf(this.spec[end]).every((address) => address === '');
  }

  /** Findings about a key of this route. */
  of(key: string): RouteFinding[] {
    if (this.isNew && (key === 'from' || key === 'to') && this.#isBare(key)) return [];
    return this.findings.filter((finding) => finding.key === key && (finding.route ?? this.spec.id) === this.spec.id);
  }

  /** Findings about other routes, or about none in particular. */
  get elsewhere(): RouteFinding[] {
    return this.findings.filter(({ route }) => route !== undefined && route !== this.spec.id);
  }

  /** The known datapoint that is looked at. */
  get looksAt(): string {
    return this.attempted?.source?.address ?? listOf(this.spec.from).find((from) => from && !from.includes('*')) ?? '';
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }
}
