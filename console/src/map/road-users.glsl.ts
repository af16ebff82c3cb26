/** Places one square an instance, in its own size on the ground or the least size that can be seen. */
export const VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec4 a_way;    // from x, y; to x, y: mercator metres from the origin
layout(location = 1) in vec4 a_kind;   // from heading, to heading (radians), class, flags
uniform mat4 u_matrix;
uniform float u_t, u_metre, u_pixel, u_zoom;
out vec2 v_local;                      // units of half a length, y ahead
flat out int v_class;
flat out int v_flags;
flat out float v_pixels;               // half a length in pixels

void main() {
  v_class = int(a_kind.z);
  v_flags = int(a_kind.w);
  float near = clamp((u_zoom - 12.5) / 4.0, 0.0, 1.0);
  float half_m = v_class == 0 ? 2.4 : v_class == 1 ? 1.0 : 0.5;
  float least = v_class == 0 ? mix(4.6, 8.5, near) : v_class == 1 ? mix(4.0, 7.5, near) : mix(3.4, 5.5, near);
  float size = max(half_m * u_metre, least * u_pixel);
  v_pixels = size / u_pixel;
  float reach = 1.15 + 9.0 / v_pixels;
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
  v_local = corner * reach;
  float h = mix(a_kind.x, a_kind.y, u_t);
  vec2 ahead = vec2(sin(h), -cos(h));
  vec2 right = vec2(cos(h), sin(h));
  vec2 at = mix(a_way.xy, a_way.zw, u_t) + (right * v_local.x + ahead * v_local.y) * size;
  gl_Position = u_matrix * vec4(at, 0.0, 1.0);
}`;

/** A pointed box, a dart or a disc, by class; outlined, with rings for those in a warning. */
export const FRAGMENT = `#version 300 es
precision highp float;
in vec2 v_local;
flat in int v_class;
flat in int v_flags;
flat in float v_pixels;
uniform vec3 u_motor, u_nonMotor, u_pedestrian, u_stale, u_outline, u_connected, u_alert;
uniform float u_live, u_ratio;
out vec4 colour;

bool has(int flag) { return (v_flags & flag) != 0; }

float shape(vec2 p) {
  vec2 q = vec2(abs(p.x), p.y);
  if (v_class == 2) {
    float disc = length(p) - 0.78;
    return has(32) ? disc : min(disc, length(p - vec2(0.0, 0.86)) - 0.26);
  }
  if (has(32)) return max(q.x, abs(q.y)) - 0.66;
  if (v_class == 1) {
    float side = dot(q - vec2(0.0, 1.0), normalize(vec2(1.9, 0.66)));
    float notch = dot(q - vec2(0.0, -0.45), normalize(vec2(-0.45, -0.66)));
    return max(side, notch);
  }
  float nose = dot(q - vec2(0.0, 1.0), normalize(vec2(0.5, 0.5)));
  return max(max(q.x - 0.5, -q.y - 0.95), nose);
}

void main() {
  float px = 1.0 / (v_pixels * u_ratio);
  float d = shape(v_local);
  float inside = smoothstep(0.7 * px, -0.7 * px, d);
  float edge = smoothstep(0.7 * px, -0.7 * px, d - 1.3 / v_pixels);
  vec3 fill = v_class == 0 ? u_motor : v_class == 1 ? u_nonMotor : u_pedestrian;
  bool live = u_live > 0.5 && !has(1);
  if (!live) fill = u_stale;
  if (v_class == 0 && !has(32) && v_pixels > 7.0) {
    // The windscreen.
    vec2 w = abs(v_local - vec2(0.0, 0.18)) - vec2(0.34, 0.13);
    fill = mix(fill, u_outline, 0.55 * smoothstep(px, -px, max(w.x, w.y)));
  }
  if (has(2) && live && v_pixels > 5.0) {
    vec2 at = v_class == 2 ? vec2(0.0) : vec2(0.0, -0.4);
    fill = mix(fill, u_connected, smoothstep(px, -px, length(v_local - at) - max(0.24, 1.4 / v_pixels)));
  }
  vec4 c = vec4(mix(u_outline, fill, inside), edge);
  c.a *= live ? 1.0 : 0.6;
  vec4 result = vec4(c.rgb * c.a, c.a);
  if (has(4) || has(8) || has(16)) {
    float radius = 1.1 + 4.0 / v_pixels;
    float ring = abs(length(v_local) - radius) - (has(4) ? 1.3 : 0.8) / v_pixels;
    float a = smoothstep(px, -px, ring) * (live ? 0.95 : 0.5);
    vec3 tint = has(4) ? u_connected : u_alert;
    result = result + vec4(tint * a, a) * (1.0 - result.a);
  }
  if (result.a < 0.004) discard;
  colour = result;
}`;
