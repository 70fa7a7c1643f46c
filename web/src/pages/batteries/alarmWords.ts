// The names of alarms in words. Protocols name hundreds, put together from a few parts, so that the words are too. Pure.
import type { Language } from '../../settings.svelte';

type Words = Readonly<Record<string, readonly [en: string, de: string]>>;

/** Those that are more than their parts. */
const WHOLE: Words = {
  fault: ['Fault', 'Fehler'],
  warning: ['Warning', 'Warnung'],
  status: ['Status', 'Status'],
  overtemp: ['Too hot', 'Zu heiß'],
  balancing_overtemp: ['Balancer: too hot', 'Balancer: zu heiß'],
  short_circuit: ['Short circuit', 'Kurzschluss'],
  reverse_polarity: ['Reversed polarity', 'Verpolt'],
  overload: ['Overload', 'Überlast'],
  full: ['Full', 'Voll'],
  failure: ['Failure', 'Ausfall'],
  error: ['Error', 'Fehler'],
  others: ['Something else', 'Etwas anderes'],
  device: ['The device itself', 'Das Gerät selbst'],
  connection: ['Connection', 'Verbindung'],
  soc_low: ['State of charge low', 'Ladezustand niedrig'],
  low_soc: ['State of charge low', 'Ladezustand niedrig'],
  soc_high: ['State of charge high', 'Ladezustand hoch'],
  soc_protection: ['State of charge too low: switched off', 'Ladezustand zu niedrig: abgeschaltet'],
  soh_low: ['State of health low', 'Gesundheit niedrig'],
  cell_difference: ['Cells differ too much', 'Zellen zu verschieden'],
  voltage_diff: ['Cells differ too much', 'Zellen zu verschieden'],
  temp_diff: ['Temperatures differ too much', 'Temperaturen zu verschieden'],
  temperature_difference: ['Temperatures differ too much', 'Temperaturen zu verschieden'],
  temperature_drop: ['Temperature falls suddenly', 'Temperatur fällt plötzlich'],
  thermal_runaway: ['Thermal runaway', 'Thermisches Durchgehen'],
  aerosol: ['Smoke or gas', 'Rauch oder Gas'],
  protection: ['Protection has switched off', 'Schutz hat abgeschaltet'],
  key_switch: ['Key switch', 'Schlüsselschalter'],
  self_check: ['Self-test failed', 'Selbsttest gescheitert'],
  frontend_error: ['Measuring chip', 'Messbaustein'],
  temperature_sensor: ['Temperature sensor', 'Temperaturfühler'],
  balance_wire: ['Balancing wire', 'Ausgleichsleitung'],
  broken_wire: ['Broken wire', 'Leitungsbruch'],
  secondary_trip: ['Second protection has tripped', 'Zweiter Schutz hat ausgelöst'],
  bms_lockout: ['Locked', 'Gesperrt'],
  dc_ripple: ['Ripple on DC', 'Welligkeit der Gleichspannung'],
  mid_voltage: ['Mid-point voltage', 'Mittelspannung'],
  low_voltage: ['Voltage low', 'Spannung niedrig'],
  high_voltage: ['Voltage high', 'Spannung hoch'],
  low_temperature: ['Temperature low', 'Temperatur niedrig'],
  high_temperature: ['Temperature high', 'Temperatur hoch'],
  low_temp: ['Temperature low', 'Temperatur niedrig'],
  high_temp: ['Temperature high', 'Temperatur hoch'],
  low_starter_voltage: ['Starter battery: voltage low', 'Starterbatterie: Spannung niedrig'],
  high_starter_voltage: ['Starter battery: voltage high', 'Starterbatterie: Spannung hoch'],
  low_ac_voltage: ['AC voltage low', 'Wechselspannung niedrig'],
  high_ac_voltage: ['AC voltage high', 'Wechselspannung hoch'],
  low_voltage_no_charge: ['Too low to be charged', 'Zu tief zum Laden'],
  low_voltage_charging: ['Charged at low voltage', 'Lädt bei niedriger Spannung'],
  wire_resistance: ['Resistance of a wire', 'Leitungswiderstand'],
  cell_count: ['Number of cells', 'Zahl der Zellen'],
  charge_short_circuit: ['Short circuit while charging', 'Kurzschluss beim Laden'],
  discharge_short_circuit: ['Short circuit while discharging', 'Kurzschluss beim Entladen'],
  overcurrent: ['Overcurrent', 'Überstrom'],
  low_capacity: ['Capacity low', 'Kapazität niedrig'],
  protection_ic_a: ['Protection chip A', 'Schutzbaustein A'],
  protection_ic_b: ['Protection chip B', 'Schutzbaustein B'],
  zero_calibration: ['Zero of the current not calibrated', 'Nullpunkt des Stroms nicht abgeglichen'],
  abnormal_current: ['Current is not as it should be', 'Strom nicht wie er sein soll'],
  transient_overcurrent: ['Surge of current', 'Stromstoß'],
};

/** Of what. The longest that fits counts. */
const SUBJECTS: Words = {
  cell: ['Cell', 'Zelle'],
  cells: ['Cells', 'Zellen'],
  pack: ['Pack', 'Pack'],
  battery: ['Battery', 'Batterie'],
  charge: ['Charging', 'Laden'],
  discharge: ['Discharging', 'Entladen'],
  precharge: ['Precharging', 'Vorladen'],
  mos: ['MOSFET', 'MOSFET'],
  charge_mos: ['Charge MOSFET', 'Lade-MOSFET'],
  discharge_mos: ['Discharge MOSFET', 'Entlade-MOSFET'],
  precharge_mos: ['Precharge MOSFET', 'Vorlade-MOSFET'],
  charger: ['Charger', 'Ladegerät'],
  load: ['Load', 'Last'],
  vehicle: ['Vehicle', 'Fahrzeug'],
  parallel: ['Other packs', 'Andere Packs'],
  internal: ['Inside', 'Innen'],
  ambient: ['Surroundings', 'Umgebung'],
  board: ['Board', 'Platine'],
  afe: ['Measuring chip', 'Messbaustein'],
  afe_chip: ['Measuring chip', 'Messbaustein'],
  heating: ['Heating', 'Heizung'],
  rtc: ['Clock', 'Uhr'],
  clock: ['Clock', 'Uhr'],
  eeprom: ['Memory', 'Speicher'],
  flash: ['Memory', 'Speicher'],
  memory: ['Memory', 'Speicher'],
  current: ['Current', 'Strom'],
  current_module: ['Current measurement', 'Strommessung'],
  current_limit: ['Current limiter', 'Strombegrenzer'],
  voltage: ['Voltage', 'Spannung'],
  cell_voltage: ['Cell voltage', 'Zellspannung'],
  pack_voltage: ['Pack voltage', 'Packspannung'],
  temperatures: ['Temperatures', 'Temperaturen'],
  temp: ['Temperature', 'Temperatur'],
  temp_sensor: ['Temperature sensor', 'Temperaturfühler'],
  charge_mos_sensor: ['Sensor of the charge MOSFET', 'Fühler des Lade-MOSFETs'],
  discharge_mos_sensor: ['Sensor of the discharge MOSFET', 'Fühler des Entlade-MOSFETs'],
  cell_wire: ['Cell wire', 'Zellleitung'],
  temp_wire: ['Sensor wire', 'Fühlerleitung'],
  coprocessor: ['Second processor', 'Zweiter Prozessor'],
  sensor: ['Sensor', 'Fühler'],
  box: ['Case', 'Gehäuse'],
  soc: ['State of charge', 'Ladezustand'],
  short_circuit: ['Short circuit', 'Kurzschluss'],
  transient: ['Surge', 'Stromstoß'],
};

/** What is wrong with it. */
const FAULTS: Words = {
  overvoltage: ['overvoltage', 'Überspannung'],
  undervoltage: ['undervoltage', 'Unterspannung'],
  overcurrent: ['overcurrent', 'Überstrom'],
  overtemp: ['too hot', 'zu heiß'],
  undertemp: ['too cold', 'zu kalt'],
  high: ['high', 'hoch'],
  low: ['low', 'niedrig'],
  high_voltage: ['voltage high', 'Spannung hoch'],
  low_voltage: ['voltage low', 'Spannung niedrig'],
  voltage_high: ['voltage high', 'Spannung hoch'],
  voltage_low: ['voltage low', 'Spannung niedrig'],
  high_current: ['current high', 'Strom hoch'],
  high_temp: ['warm', 'warm'],
  low_temp: ['cold', 'kalt'],
  temp_high: ['warm', 'warm'],
  temp_low: ['cold', 'kalt'],
  fault: ['fault', 'Fehler'],
  offline: ['missing', 'fehlt'],
  open: ['does not switch on', 'schaltet nicht ein'],
  stuck: ['does not switch off', 'schaltet nicht ab'],
  lockout: ['locked', 'gesperrt'],
  software_lock: ['locked by software', 'durch Software gesperrt'],
  communication_fault: ['does not answer', 'antwortet nicht'],
  sampling_fault: ['cannot measure', 'kann nicht messen'],
  sensor: ['sensor', 'Fühler'],
  calibration: ['not calibrated', 'nicht abgeglichen'],
  above_range: ['above its range', 'über dem Messbereich'],
  below_range: ['below its range', 'unter dem Messbereich'],
  diff: ['differ too much', 'zu verschieden'],
};

const LEVEL = /_l?(\d+)$/;

/** `cell_overvoltage_2`: “Cell: overvoltage (2)”. A name that is not known is told as it stands, without its underscores. */
export function alarmText(name: string, language: Language): string {
  const by = language === 'de' ? 1 : 0;
  const level = LEVEL.exec(name)?.[1];
  const stem = level ? name.replace(LEVEL, '') : name;
  const plain = WHOLE[name]?.[by] ?? WHOLE[stem]?.[by] ?? parts(stem, by);
  if (!plain) return name.replaceAll('_', ' ');
  return level && !WHOLE[name] ? `${plain} (${language === 'de' ? 'Stufe' : 'level'} ${level})` : plain;
}

function parts(stem: string, by: 0 | 1): string | undefined {
  const words = stem.split('_');
  for (let cut = words.length; cut > 0; cut -= 1) {
    const subject = SUBJECTS[words.slice(0, cut).join('_')]?.[by];
    const rest = words.slice(cut).join('_');
    if (subject && !rest) return subject;
    const fault = FAULTS[rest]?.[by];
    if (subject && fault) return `${subject}: ${fault}`;
  }
  return undefined;
}
