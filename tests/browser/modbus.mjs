// A Modbus TCP device for tests: holding and input registers of some units, each with its own numbers that go up.
import { createServer } from 'node:net';

const READS = [3, 4];
const ILLEGAL_FUNCTION = 1;

/** Serves these units on a free port; others stay silent, as a gateway is for units that are not there. */
export function modbusDevice(units) {
  const sockets = new Set();
  const begun = Date.now();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let bytes = Buffer.alloc(0);
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more]);
      while (bytes.length >= 8 && bytes.length >= 6 + bytes.readUInt16BE(4)) {
        const frame = bytes.subarray(0, 6 + bytes.readUInt16BE(4));
        bytes = bytes.subarray(frame.length);
        const reply = answer(frame, units, begun);
        if (reply) socket.write(reply);
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const close = () => new Promise((done) => (server.close(done), sockets.forEach((socket) => socket.destroy())));
      resolve({ port: server.address().port, close });
    });
  });
}

function answer(frame, units, begun) {
  const [unit, code] = [frame[6], frame[7]];
  if (!units.includes(unit)) return undefined;
  if (!READS.includes(code)) return reply(frame, Buffer.from([code | 0x80, ILLEGAL_FUNCTION]));
  const [start, count] = [frame.readUInt16BE(8), frame.readUInt16BE(10)];
  const body = Buffer.alloc(2 + 2 * count);
  body[0] = code;
  body[1] = 2 * count;
  const tenths = Math.floor((Date.now() - begun) / 100) % 1000;
  for (let nth = 0; nth < count; nth += 1) body.writeUInt16BE((unit * 1000 + start + nth + tenths) & 0xffff, 2 + 2 * nth);
  return reply(frame, body);
}

/** The head of the question before the body of the answer. */
function reply(frame, body) {
  const head = Buffer.from(frame.subarray(0, 7));
  head.writeUInt16BE(1 + body.length, 4);
  return Buffer.concat([head, body]);
}
