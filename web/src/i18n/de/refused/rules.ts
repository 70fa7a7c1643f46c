// Was an Routen nicht stimmt, an ihren Adressen, Bedingungen und Umformungen.
import type { Forms } from '../../said';

export const rules: Forms = {};
