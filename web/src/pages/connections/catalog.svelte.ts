// What the pages of connections know of the house: the connections, the drivers, and what is wrong with the file.
import {
  type ConnectionEntry,
  type Finding,
  type Manifest,
  getConnections,
  getDrivers,
  getFileFault,
  getSchemas,
} from '../../api/connections';
import { asProblem, type Problem } from '../../api/http';
import { type Field, fieldOf, isObject } from '../../ui/form/schema';

/** An instance without a process; no plugin, so no manifest tells of it. */
export const VIRTUAL = 'virtual';

/** The sections that every connection has, whatever its driver. */
export type Section = 'health' | 'limits';
export type OwnWords = Readonly<Record<string, readonly [title: string, help: string]>>;

class Catalog {
  connections = $state.raw<ConnectionEntry[]>();
  drivers = $state.raw<Manifest[]>();
  /** What is wrong with `connections.json` on disk; nothing can be changed then. */
  fault = $state.raw<Finding>();
  problem = $state.raw<Problem>();
  #schemas = $state.raw<Record<string, Record<string, unknown>>>({});

  async load(): Promise<void> {
    try {
      const [fault, connections, drivers] = await Promise.all([
        getFileFault(),
        // A file that was never right is no reason to show nothing: the fault says it.
        getConnections().catch((cause: unknown) => {
          const problem = asProblem(cause);
          if (problem.status === 409) return { items: [] };
          throw problem;
        }),
        this.drivers ? { items: this.drivers } : getDrivers(),
      ]);
      this.fault = fault;
      this.connections = connections.items;
      this.drivers = drivers.items;
      this.problem = undefined;
    } catch (cause) {
      this.problem = asProblem(cause);
    }
  }

  /** The daemon's own shapes; without them the sections are shown as JSON. */
  async loadSchemas(): Promise<void> {
    if (Object.keys(this.#schemas).length > 0) return;
    this.#schemas = await getSchemas().catch(() => ({}));
  }

  driver(name: string): Manifest | undefined {
    return this.drivers?.find((driver) => driver.name === name);
  }

  /** The form of a section of the connection, in the words of these pages. */
  section(name: Section, language: string, words: OwnWords): Field {
    const properties = this.#schemas['Connection']?.['properties'];
    const property = isObject(properties) && isObject(properties[name]) ? properties[name] : {};
    const field = fieldOf({ ...property, components: { schemas: this.#schemas } }, language);
    if (field.kind !== 'object') return field;
    const fields = field.fields.map((one) => {
      const [title, help] = words[`${name}.${one.key}`] ?? [one.title, one.help];
      return { ...one, title, help, advanced: false };
    });
    return { ...field, fields };
  }

  /** Takes a saved connection in. */
  replace(entry: ConnectionEntry): void {
    const others = (this.connections ?? []).filter(({ id }) => id !== entry.id);
    this.connections = [...others, entry];
  }

  drop(id: string): void {
    this.connections = this.connections?.filter((one) => one.id !== id);
  }
}

export const catalog = new Catalog();

/** What people call a driver. */
export function driverTitle(driver: Manifest | undefined, name: string, language: string): string {
  if (!driver) return name;
  const { title } = fieldOf(driver.config_schema, language);
  // A schema that was generated from a type is titled by it.
  return title && title !== 'Config' ? title : name;
}

/** What it joins to the house. */
export function driverHelp(driver: Manifest, language: string): string {
  const own = driver.config_schema?.[`x-help-${language}`];
  return typeof own === 'string' ? own : driver.description;
}
