// A problem in words of the person's language; what the daemon says, as far as its sentence is known.
import type { Problem } from '../api/http';
import type { Texts } from './en';
import { refusals } from './refusals.svelte';

export interface Words {
  title: string;
  detail: string;
  hint: string;
}

export function problemWords(problem: Problem, t: Texts): Words {
  const [title, detail, hint] = [problem.title, problem.detail, problem.hint].map((text) => refusals.text(text)) as [string, string, string];
  switch (problem.status) {
    case 0:
      return { title: t.problem.unreachable, detail: '', hint: t.problem.unreachableHint };
    case 403:
      return { title: t.problem.forbidden, detail, hint: hint || t.problem.forbiddenHint };
    case 429:
      return { title: t.problem.tooMany, detail: waitText(problem, t), hint };
    case 400:
    case 409:
    case 422:
      // The name of such a status says nothing to a person; what is wrong does.
      return { title: detail || title, detail: '', hint };
    default:
      return { title: title || t.problem.unexpected, detail, hint };
  }
}

/** The same in one line, for a notice. */
export function problemLine(problem: Problem, t: Texts): string {
  const { title, detail } = problemWords(problem, t);
  return detail ? `${title}: ${detail}` : title;
}

/** How long to wait after too many requests. */
export function waitText(problem: Problem, t: Texts): string {
  return problem.retryAfterS > 0 ? t.login.wait(problem.retryAfterS) : t.login.waitSome;
}
