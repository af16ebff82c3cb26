import type { CustomLayerInterface, CustomRenderMethodInput, Map as MapLibreMap } from 'maplibre-gl';
import type { RoadUsers } from '../wire/frame';
import type { Palette } from './palette';
import { FRAGMENT, VERTEX } from './road-users.glsl';

/** Mercator metres round the world: a mercator unit in metres at the equator. */
const CIRCUMFERENCE = 40_075_016.686;
/** Values an instance: from (x, y), to (x, y), from and to heading, class, flags. */
const STRIDE = 8;
/** More road users than this are not drawn (and the debug view says how many were). */
const MAX_DRAWN = 20_000;
/** A road user that seems to have gone further than this between two frames jumps there, metres. */
const JUMP_M = 40;

export const FLAG = { stale: 1, connected: 2, selected: 4, concerned: 8, about: 16, noHeading: 32 } as const;

export interface DrawnRoadUser {
  id: bigint;
  lon: number;
  lat: number;
  class: number;
}

/** Draws road users in one instanced call and moves them evenly from where they were to where they are. */
export class RoadUserLayer implements CustomLayerInterface {
  readonly id = 'road-users';
  readonly type = 'custom' as const;
  readonly renderingMode = '2d' as const;

  private map: MapLibreMap | null = null;
  private gl: WebGL2RenderingContext | null = null;
  private program: WebGLProgram | null = null;
  private vao: WebGLVertexArrayObject | null = null;
  private buffer: WebGLBuffer | null = null;
  private uniforms = new Map<string, WebGLUniformLocation | null>();

  private origin: [number, number] | null = null;
  private data = new Float32Array(0);
  private dirty = false;
  private count = 0;
  private ids: bigint[] = [];
  private slots = new Map<bigint, number>();
  private startedAt = 0;
  private interval = 110;
  private faded = 1;
  private visible = true;
  private pace = new Pace();

  constructor(private palette: Palette) {}

  setPalette(palette: Palette): void {
    this.palette = palette;
    this.map?.triggerRepaint();
  }

  setVisible(visible: boolean): void {
    this.visible = visible;
    this.map?.triggerRepaint();
  }

  /** Greys everything when the frame itself has grown old. */
  setFaded(faded: boolean): void {
    const value = faded ? 0 : 1;
    if (value === this.faded) return;
    this.faded = value;
    this.map?.triggerRepaint();
  }

  /** Takes the newest positions. `marks` gives flags by road user; users that are lost are not drawn. */
  update(users: RoadUsers | null, marks: Map<bigint, number>, nowMs: number): void {
    const t = this.progress(nowMs);
    const gap = nowMs - this.startedAt;
    if (gap < 1000) this.interval = Math.min(Math.max(0.8 * this.interval + 0.2 * gap, 40), 400);
    this.startedAt = nowMs;
    const old = { data: this.data, slots: this.slots };
    const order = users ? drawOrder(users) : [];
    this.data = new Float32Array(order.length * STRIDE);
    this.slots = new Map();
    this.ids = [];
    for (const i of order) this.place(users as RoadUsers, i, marks, old, t);
    this.count = this.ids.length;
    this.dirty = true;
    this.animate();
  }

  /** Where everything is drawn at this moment. */
  drawn(nowMs: number): DrawnRoadUser[] {
    const t = this.progress(nowMs);
    return this.ids.map((id, slot) => {
      const o = slot * STRIDE;
      const [lon, lat] = this.unproject(mix(this.data, o, o + 2, t), mix(this.data, o + 1, o + 3, t));
      return { id, lon, lat, class: this.data[o + 6] ?? 0 };
    });
  }

  /** The road user nearest to a point of the screen, within `reach` pixels. */
  pick(x: number, y: number, reach: number): bigint | null {
    if (!this.map || !this.visible) return null;
    let best: bigint | null = null;
    let least = reach;
    for (const user of this.drawn(performance.now())) {
      const at = this.map.project([user.lon, user.lat]);
      const distance = Math.hypot(at.x - x, at.y - y);
      if (distance < least) [best, least] = [user.id, distance];
    }
    return best;
  }

  private place(
    users: RoadUsers,
    i: number,
    marks: Map<bigint, number>,
    old: { data: Float32Array; slots: Map<bigint, number> },
    t: number,
  ): void {
    const id = users.id[i] as bigint;
    const [x, y] = this.project(users.lon[i] as number, users.lat[i] as number);
    const known = !Number.isNaN(users.headingDeg[i]);
    const heading = known ? ((users.headingDeg[i] as number) * Math.PI) / 180 : 0;
    let flags = marks.get(id) ?? 0;
    if (users.freshness[i] !== 'fresh' && users.freshness[i] !== 'late') flags |= FLAG.stale;
    if (users.connected[i]) flags |= FLAG.connected;
    if (!known) flags |= FLAG.noHeading;
    let [fromX, fromY, fromHeading] = [x, y, heading];
    const slot = old.slots.get(id);
    if (slot !== undefined) {
      const o = slot * STRIDE;
      const [px, py] = [mix(old.data, o, o + 2, t), mix(old.data, o + 1, o + 3, t)];
      if (Math.hypot(px - x, py - y) < JUMP_M * 1.2) {
        [fromX, fromY] = [px, py];
        const turn = heading - mix(old.data, o + 4, o + 5, t);
        fromHeading = heading - Math.atan2(Math.sin(turn), Math.cos(turn));
      }
    }
    const at = this.ids.length;
    this.data.set([fromX, fromY, x, y, fromHeading, heading, users.class[i] as number, flags], at * STRIDE);
    this.slots.set(id, at);
    this.ids.push(id);
  }

  private progress(nowMs: number): number {
    return Math.min((nowMs - this.startedAt) / (this.interval * 1.1), 1);
  }

  /** Mercator metres from the origin, which is the first position ever seen. */
  private project(lon: number, lat: number): [number, number] {
    const x = (lon + 180) / 360;
    const y = (1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2;
    this.origin ??= [x, y];
    return [(x - this.origin[0]) * CIRCUMFERENCE, (y - this.origin[1]) * CIRCUMFERENCE];
  }

  private unproject(x: number, y: number): [number, number] {
    const [ox, oy] = this.origin ?? [0, 0];
    const [mx, my] = [ox + x / CIRCUMFERENCE, oy + y / CIRCUMFERENCE];
    return [mx * 360 - 180, (Math.atan(Math.sinh(Math.PI * (1 - 2 * my))) * 180) / Math.PI];
  }

  /** Asks for frames while things are still on their way. */
  private animate(): void {
    if (!this.map || !this.visible || document.hidden) return;
    this.map.triggerRepaint();
    this.pace.run(() => {
      this.map?.triggerRepaint();
      return this.count > 0 && this.progress(performance.now()) < 1 && !document.hidden;
    });
  }

  onAdd(map: MapLibreMap, gl: WebGL2RenderingContext): void {
    this.map = map;
    this.gl = gl;
    const program = link(gl, VERTEX, FRAGMENT);
    this.program = program;
    for (const name of ['u_matrix', 'u_t', 'u_metre', 'u_pixel', 'u_zoom', 'u_live', 'u_ratio', 'u_alert', ...COLOURS.map((c) => `u_${c}`)]) {
      this.uniforms.set(name, gl.getUniformLocation(program, name));
    }
    this.vao = gl.createVertexArray();
    this.buffer = gl.createBuffer();
    gl.bindVertexArray(this.vao);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const [location, size, offset] of [[0, 4, 0], [1, 4, 4]] as const) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl.FLOAT, false, STRIDE * 4, offset * 4);
      gl.vertexAttribDivisor(location, 1);
    }
    gl.bindVertexArray(null);
    this.dirty = true;
  }

  onRemove(): void {
    this.gl?.deleteProgram(this.program);
    this.gl?.deleteVertexArray(this.vao);
    this.gl?.deleteBuffer(this.buffer);
    this.map = this.gl = null;
  }

  render(gl: WebGL2RenderingContext | CustomRenderMethodInput, input?: CustomRenderMethodInput): void {
    const context = this.gl;
    const args = input ?? (gl as CustomRenderMethodInput);
    if (!context || !this.map || !this.origin || !this.visible || this.count === 0) return;
    this.draw(context, args.defaultProjectionData.mainMatrix as unknown as ArrayLike<number>);
  }

  private draw(gl: WebGL2RenderingContext, world: ArrayLike<number>): void {
    const map = this.map as MapLibreMap;
    const [ox, oy] = this.origin as [number, number];
    const latitude = Math.atan(Math.sinh(Math.PI * (1 - 2 * oy)));
    const u = (name: string): WebGLUniformLocation | null => this.uniforms.get(name) ?? null;
    gl.useProgram(this.program);
    gl.bindVertexArray(this.vao);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    if (this.dirty) gl.bufferData(gl.ARRAY_BUFFER, this.data, gl.DYNAMIC_DRAW);
    this.dirty = false;
    gl.uniformMatrix4fv(u('u_matrix'), false, shifted(world, ox, oy, 1 / CIRCUMFERENCE));
    gl.uniform1f(u('u_t'), this.progress(performance.now()));
    gl.uniform1f(u('u_metre'), 1 / Math.cos(latitude));
    gl.uniform1f(u('u_pixel'), CIRCUMFERENCE / (512 * 2 ** map.getZoom()));
    gl.uniform1f(u('u_zoom'), map.getZoom());
    gl.uniform1f(u('u_ratio'), devicePixelRatio);
    gl.uniform1f(u('u_live'), this.faded);
    for (const name of COLOURS) gl.uniform3fv(u(`u_${name}`), rgb(this.palette[name]));
    gl.uniform3fv(u('u_alert'), rgb(this.palette.warnings.collision ?? '#ff0000'));
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.disable(gl.CULL_FACE);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.count);
    gl.bindVertexArray(null);
  }
}

const COLOURS = ['motor', 'nonMotor', 'pedestrian', 'stale', 'outline', 'connected'] as const;

/** Paces repaints to what the machine can draw: every frame when it is quick, every few when it is slow. */
class Pace {
  private running = false;
  private last = 0;
  private cost = 16;

  run(step: () => boolean): void {
    if (this.running) return;
    this.running = true;
    this.last = performance.now();
    const tick = (): void => {
      const now = performance.now();
      this.cost = 0.9 * this.cost + 0.1 * Math.min(now - this.last, 200);
      this.last = now;
      if (!step()) {
        this.running = false;
        return;
      }
      if (this.cost < 34) requestAnimationFrame(tick);
      else setTimeout(() => requestAnimationFrame(tick), this.cost);
    };
    requestAnimationFrame(tick);
  }
}

/** Indices of those to draw: large ones first, so that people on foot are never hidden under a bus. */
function drawOrder(users: RoadUsers): number[] {
  const order: number[][] = [[], [], []];
  for (let i = 0; i < Math.min(users.count, MAX_DRAWN); i++) {
    if (users.freshness[i] !== 'lost') order[users.class[i] as number]?.push(i);
  }
  return order.flat();
}

const mix = (d: Float32Array, a: number, b: number, t: number): number => (d[a] ?? 0) * (1 - t) + (d[b] ?? 0) * t;

/** `m` after a shift and a scale, in double precision, so that the shader's single precision stays near the origin. */
function shifted(m: ArrayLike<number>, x: number, y: number, scale: number): Float32Array {
  const out = new Float32Array(16);
  for (let row = 0; row < 4; row++) {
    const at = (column: number): number => m[column * 4 + row] ?? 0;
    out[row] = at(0) * scale;
    out[4 + row] = at(1) * scale;
    out[8 + row] = at(2) * scale;
    out[12 + row] = at(0) * x + at(1) * y + at(3);
  }
  return out;
}

function rgb(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16);
  return [((n >> 16) & 255) / 255, ((n >> 8) & 255) / 255, (n & 255) / 255];
}

function link(gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
    const shader = gl.createShader(type);
    if (!shader) throw new Error('road users: no shader');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
      throw new Error(`road users: shader: ${gl.getShaderInfoLog(shader) ?? ''}`);
    }
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(`road users: link: ${gl.getProgramInfoLog(program) ?? ''}`);
  return program;
}
