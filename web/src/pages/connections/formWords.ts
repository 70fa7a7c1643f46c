// The texts of a form in the language of its person.
import type { Texts } from '../../i18n/en';
import type { FormWords } from '../../ui/form/context';

export function formWords({ form }: Texts): FormWords {
  return {
    ...form,
    fault({ code, wanted }) {
      const text = form.faults[code];
      return typeof text === 'function' ? text(wanted) : text;
    },
  };
}
