// Curves on a canvas.
import type { Drawing } from './trace';

export interface Place {
  width: number;
  height: number;
  /** Dots of the screen for each pixel. */
  density: number;
  low: number;
  high: number;
}

/** Draws one curve. `until` is the pixel to which its last value still holds. */
export function paint(context: CanvasRenderingContext2D, one: Drawing, place: Place, colour: string, steps: boolean, until: number): void {
  if (isDense(one)) paintBars(context, one, place, colour, until);
  else paintLine(context, one, place, colour, steps, until);
}

/** Whether most pixels have values of their own, where the curve is. */
export function isDense({ x, used }: Drawing): boolean {
  return used > 2 && used > (x[used - 1]! - x[0]!) / 2;
}

/** A bar for each pixel is all that one sees of a dense curve, and costs much less than a line through all of it. */
function paintBars(context: CanvasRenderingContext2D, one: Drawing, { height, density, low, high }: Place, colour: string, until: number): void {
  const thick = 1.5 * density;
  const pad = 2 * density;
  const scale = (height - 2 * pad) / (high - low || 1);
  const y = (n: number) => (high === low ? height / 2 : height - pad - (n - low) * scale);
  const bar = (from: number, to: number, least: number, most: number) =>
    context.fillRect(from, y(most) - thick / 2, to - from, y(least) - y(most) + thick);
  context.fillStyle = colour;
  let [end, last] = [0, NaN];
  for (let slot = 0; slot < one.used; slot += 1) {
    const [x, first, least, most] = [one.x[slot]!, one.first[slot]!, one.low[slot]!, one.high[slot]!];
    const isJoined = !Number.isNaN(last) && !Number.isNaN(first);
    if (isJoined && x > end) bar(end, x, last, last);
    if (!Number.isNaN(least)) bar(x, x + 1, isJoined ? Math.min(least, last) : least, isJoined ? Math.max(most, last) : most);
    [end, last] = [x + 1, one.last[slot]!];
  }
  if (!Number.isNaN(last) && until > end) bar(end, until, last, last);
}

function paintLine(context: CanvasRenderingContext2D, one: Drawing, place: Place, colour: string, steps: boolean, until: number): void {
  const { height, density, low, high } = place;
  const pad = 2 * density;
  const scale = (height - 2 * pad) / (high - low || 1);
  const y = (n: number) => (high === low ? height / 2 : height - pad - (n - low) * scale);
  context.beginPath();
  let isDown = false;
  for (let slot = 0; slot < one.used; slot += 1) {
    const x = one.x[slot]! + 0.5;
    const [first, least, most, last] = [one.first[slot]!, one.low[slot]!, one.high[slot]!, one.last[slot]!];
    if (isDown && steps) context.lineTo(x, y(one.last[slot - 1]!));
    if (!Number.isNaN(first)) {
      if (isDown) context.lineTo(x, y(first));
      else context.moveTo(x, y(first));
      isDown = true;
    } else if (!Number.isNaN(least)) {
      context.moveTo(x, y(least));
      isDown = true;
    }
    if (isDown && most > least) {
      context.lineTo(x, y(least));
      context.lineTo(x, y(most));
      if (!Number.isNaN(last)) context.lineTo(x, y(last));
    }
    if (Number.isNaN(last)) isDown = false;
  }
  if (isDown && one.used > 0) context.lineTo(Math.max(until, one.x[one.used - 1]! + 0.5), y(one.last[one.used - 1]!));
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * density;
  context.lineJoin = 'round';
  context.stroke();
}

/** Level lines at the quarters. */
export function paintGrid(context: CanvasRenderingContext2D, { width, height, density }: Place, colour: string): void {
  context.beginPath();
  for (let nth = 1; nth < 4; nth += 1) {
    const y = Math.round((height * nth) / 4) + 0.5;
    context.moveTo(0, y);
    context.lineTo(width, y);
  }
  context.strokeStyle = colour;
  context.lineWidth = density;
  context.stroke();
}
