// ads-client from npm against the simulated PLC: node ads_client.mjs HOST PORT FOLDER_OF_MODULES. Ends with 0 if all holds.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [host, port, modules] = process.argv.slice(2);
const { Client } = createRequire(`${modules}/`)('ads-client');

const client = new Client({
  targetAmsNetId: '192.168.2.162.1.1',
  targetAdsPort: 851,
  localAmsNetId: '127.0.0.1.1.1',
  localAdsPort: 32750,
  routerAddress: host,
  routerTcpPort: Number(port),
  autoReconnect: false,
  timeoutDelay: 5000,
});

await client.connect();
assert.equal((await client.readDeviceInfo()).deviceName, 'Plc30 App');
assert.equal((await client.readPlcRuntimeState()).adsState, 5);
assert.equal(await client.readPlcSymbolVersion(), 1);

const symbols = await client.getSymbols();
assert.equal(symbols['main.na'].comment, 'die Zahl');
const types = await client.getDataTypes();
assert.deepEqual(types['e_mode'].enumInfos.map((info) => info.name), ['Off', 'Heat', 'Fault']);

const battery = { fVoltage: 51.5, bOn: false, aCells: [0, 0, 0] };
const read = (await client.readValue('MAIN.stBattery')).value;
assert.deepEqual({ fVoltage: read.fVoltage, bOn: read.bOn, aCells: read.aCells }, battery);
await client.writeValue('MAIN.stBattery', { ...battery, bOn: true, aCells: [1, 2, 3], eMode: 'Heat' });
const written = (await client.readValue('MAIN.stBattery')).value;
assert.deepEqual([written.bOn, written.aCells, written.eMode.name], [true, [1, 2, 3], 'Heat']);
assert.equal((await client.readValue('MAIN.aBatteries[1].fVoltage')).value, 0);
assert.equal((await client.readValue('Types.vSTRING')).value, 'hurz');
assert.equal((await client.readValue('Types.vUDINT')).value, 4294967295);

await assert.rejects(client.readValue('MAIN.nNothing'));

const heard = [];
let wake;
const next = async () => {
  while (heard.length === 0) await new Promise((resolve) => { wake = resolve; });
  return heard.shift();
};
const subscription = await client.subscribeValue('MAIN.nB', (data) => { heard.push(data.value); wake?.(); }, 10);
assert.equal(await next(), 0);
await client.writeValue('MAIN.nB', 41);
assert.equal(await next(), 41);
await subscription.unsubscribe();

const results = await client.readRawMulti([
  { indexGroup: symbols['main.na'].indexGroup, indexOffset: symbols['main.na'].indexOffset, size: 2 },
  { indexGroup: 0x9999, indexOffset: 0, size: 2 },
]);
assert.deepEqual([results[0].success, results[0].value.readInt16LE(), results[1].success], [true, 7, false]);

const handle = await client.createVariableHandle('MAIN.nA');
assert.equal((await client.readRawByHandle(handle)).readInt16LE(), 7);
await client.deleteVariableHandle(handle);
await client.disconnect();
console.log('all holds');
