// Whether an element is on the screen or near it, for what would be drawn in vain otherwise.
import type { Attachment } from 'svelte/attachments';

/** So far from the screen counts as near. */
const NEAR = '300px';

const told = new WeakMap<Element, (seen: boolean) => void>();
let observer: IntersectionObserver | undefined;

/** Tells when the element comes near the screen and when it has left; one observer serves all. */
export function seen(tell: (seen: boolean) => void): Attachment<Element> {
  return (element) => {
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) told.get(target)?.(isIntersecting);
      },
      { rootMargin: NEAR },
    );
    told.set(element, tell);
    observer.observe(element);
    return () => observer?.unobserve(element);
  };
}
