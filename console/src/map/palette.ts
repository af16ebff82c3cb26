/** Colours of the map in one theme. Road users' and warnings' colours stay apart for the colour-blind (Okabe–Ito). */
export interface Palette {
  ground: string;
  casing: string;
  road: string;
  connector: string;
  cycle: string;
  footway: string;
  upperCasing: string;
  upper: string;
  tunnel: string;
  zebra: string;
  stopLine: string;
  arrow: string;
  label: string;
  labelHalo: string;
  bus: string;
  base: string;
  radar: string;
  camera: string;
  motor: string;
  nonMotor: string;
  pedestrian: string;
  stale: string;
  outline: string;
  connected: string;
  /** What really is there, as a simulator says. */
  truth: string;
  /** By the light's name; a dark one has none. */
  lights: Record<string, string>;
  warnings: Record<string, string>;
}

const WARNINGS_DARK = {
  collision: '#ff5a4f',
  pedestrian: '#ff8a3d',
  vehicle_ahead: '#ffb02e',
  speed_limit: '#f2d13c',
  road_condition: '#c79bff',
  guidance: '#3fd0b6',
  signal: '#7fb4ff',
  emergency_vehicle: '#ff6fae',
};

const WARNINGS_LIGHT = {
  collision: '#d3221c',
  pedestrian: '#d35400',
  vehicle_ahead: '#b26a00',
  speed_limit: '#8a7000',
  road_condition: '#7a3fc4',
  guidance: '#00806b',
  signal: '#1f62c4',
  emergency_vehicle: '#b8186b',
};

const LIGHTS_DARK = { red: '#ff5349', green: '#2fd283', 'permissive-green': '#8fe3b0', yellow: '#ffc533', 'flashing-yellow': '#ffc533' };

const LIGHTS_LIGHT = { red: '#d92b22', green: '#14935c', 'permissive-green': '#6cc596', yellow: '#e09b00', 'flashing-yellow': '#e09b00' };

export const PALETTES: Record<'dark' | 'light', Palette> = {
  dark: {
    ground: '#0b1119',
    casing: '#1d2a39',
    road: '#34465a',
    connector: '#2f4053',
    cycle: '#2b4c46',
    footway: '#333f4e',
    upperCasing: '#0a0f16',
    upper: '#59574e',
    tunnel: '#2a3645',
    zebra: '#a9b8c8',
    stopLine: '#d7e0ea',
    arrow: '#62768c',
    label: '#a3b4c6',
    labelHalo: '#0b1119',
    bus: '#7fb2e6',
    base: '#8d7bd8',
    radar: '#4cc3ff',
    camera: '#8be28b',
    motor: '#56b8f5',
    nonMotor: '#f0d548',
    pedestrian: '#ff9ccf',
    stale: '#7c8794',
    outline: '#060a10',
    connected: '#ffffff',
    truth: '#c3f73a',
    lights: LIGHTS_DARK,
    warnings: WARNINGS_DARK,
  },
  light: {
    ground: '#eef1f4',
    casing: '#9dabb9',
    road: '#ffffff',
    connector: '#fbfcfd',
    cycle: '#ddf0e6',
    footway: '#f3ede4',
    upperCasing: '#a58d5c',
    upper: '#fbe9bf',
    tunnel: '#c6ced7',
    zebra: '#8b98a6',
    stopLine: '#5c6875',
    arrow: '#aab5c0',
    label: '#47566a',
    labelHalo: '#ffffff',
    bus: '#1f6fb5',
    base: '#6a55c2',
    radar: '#0077b6',
    camera: '#2b8a3e',
    motor: '#0072b2',
    nonMotor: '#c98a00',
    pedestrian: '#c2378a',
    stale: '#98a2ad',
    outline: '#ffffff',
    connected: '#111820',
    truth: '#4b7a00',
    lights: LIGHTS_LIGHT,
    warnings: WARNINGS_LIGHT,
  },
};

/** Warnings in order of urgency. */
export const WARNING_KINDS = [
  'collision',
  'pedestrian',
  'emergency_vehicle',
  'vehicle_ahead',
  'signal',
  'speed_limit',
  'road_condition',
  'guidance',
] as const;
