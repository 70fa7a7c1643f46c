// Draws the pictures of the installed page from the one drawing: rectangles, lines and circles, without any library.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Plugin } from 'vite';

type Colour = [number, number, number];

/** Something that covers points of a square whose side is 32. */
interface Shape {
  colour: Colour;
  covers: (x: number, y: number) => boolean;
}

const number = (tag: string, name: string) => Number(tag.match(new RegExp(`\\s${name}="([^"]+)"`))?.[1] ?? 0);
const colourOf = (tag: string, name: string): Colour => {
  const hex = tag.match(new RegExp(`\\s${name}="#([0-9a-f]{6})"`))?.[1] ?? '000000';
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as Colour;
};

/** The shapes of `icon.svg`, the lowest first. */
function shapesOf(svg: string): Shape[] {
  return [...svg.matchAll(/<(rect|circle|path)[^>]*>/g)].map(([tag, kind]) => {
    if (kind === 'circle') return circle(tag);
    return kind === 'path' ? rails(tag) : rectangle(tag);
  });
}

function rectangle(tag: string): Shape {
  const [left, top, r] = [number(tag, 'x'), number(tag, 'y'), number(tag, 'rx')];
  const [right, bottom] = [left + number(tag, 'width'), top + number(tag, 'height')];
  const covers = (x: number, y: number) => {
    // From the nearest point of the inner rectangle that the corners are round about.
    const dx = Math.max(left + r - x, 0, x - (right - r));
    const dy = Math.max(top + r - y, 0, y - (bottom - r));
    return dx * dx + dy * dy <= r * r;
  };
  return { colour: colourOf(tag, 'fill'), covers };
}

function circle(tag: string): Shape {
  const [cx, cy, r] = [number(tag, 'cx'), number(tag, 'cy'), number(tag, 'r')];
  return { colour: colourOf(tag, 'fill'), covers: (x, y) => (x - cx) ** 2 + (y - cy) ** 2 <= r * r };
}

/** Level lines: `M3 12.5h26M3 19.5h26`. */
function rails(tag: string): Shape {
  const half = number(tag, 'stroke-width') / 2;
  const lines = [...tag.matchAll(/M([\d.]+) ([\d.]+)h([\d.]+)/g)].map(([, x, y, length]) => {
    return { left: Number(x), level: Number(y), length: Number(length) };
  });
  const covers = (x: number, y: number) =>
    lines.some(({ left, level, length }) => x >= left && x <= left + length && Math.abs(y - level) <= half);
  return { colour: colourOf(tag, 'stroke'), covers };
}

/** Points on each side of a dot that are looked at, so that edges are smooth. */
const SAMPLES = 3;

/** Red, green, blue and cover of each dot. `zoom` below 1 leaves a margin in the colour of the ground. */
export function draw(svg: string, side: number, zoom: number): Uint8Array {
  const shapes = shapesOf(svg);
  const ground = zoom < 1 ? shapes[0] : undefined;
  const dots = new Uint8Array(side * side * 4);
  for (let at = 0; at < side * side; at += 1) dots.set(dot(shapes, ground, at % side, Math.floor(at / side), side, zoom), at * 4);
  return dots;
}

function dot(shapes: Shape[], ground: Shape | undefined, column: number, row: number, side: number, zoom: number): number[] {
  let [red, green, blue, covered] = [0, 0, 0, 0];
  for (let sample = 0; sample < SAMPLES * SAMPLES; sample += 1) {
    const place = (cell: number, step: number) => ((cell + (step + 0.5) / SAMPLES) / side - 0.5) * (32 / zoom) + 16;
    const [x, y] = [place(column, sample % SAMPLES), place(row, Math.floor(sample / SAMPLES))];
    const top = shapes.findLast(({ covers }) => covers(x, y)) ?? ground;
    if (!top) continue;
    red += top.colour[0];
    green += top.colour[1];
    blue += top.colour[2];
    covered += 1;
  }
  const mean = (part: number) => (covered > 0 ? Math.round(part / covered) : 0);
  return [mean(red), mean(green), mean(blue), Math.round((255 * covered) / SAMPLES ** 2)];
}

/** The dots as a PNG (ISO/IEC 15948). */
export function png(dots: Uint8Array, side: number): Buffer {
  const rows = Buffer.alloc(side * (side * 4 + 1));
  for (let row = 0; row < side; row += 1) rows.set(dots.subarray(row * side * 4, (row + 1) * side * 4), row * (side * 4 + 1) + 1);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(checksum(body));
  return Buffer.concat([length, body, sum]);
}

function checksum(data: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

/** Name, side in dots, and zoom: what a phone cuts to its own form needs a margin. */
export const PICTURES: [string, number, number][] = [
  ['icon-192.png', 192, 1],
  ['icon-512.png', 512, 1],
  ['icon-maskable-512.png', 512, 0.72],
  ['apple-touch-icon.png', 180, 0.86],
];

/** The plugin: puts the pictures beside the drawing. */
export function icons(): Plugin {
  let drawing = '';
  return {
    name: 'icons',
    apply: 'build',
    configResolved({ publicDir }) {
      drawing = join(publicDir, 'icon.svg');
    },
    async generateBundle() {
      const svg = await readFile(drawing, 'utf8');
      for (const [fileName, side, zoom] of PICTURES) {
        this.emitFile({ type: 'asset', fileName, source: png(draw(svg, side, zoom), side) });
      }
    },
  };
}
