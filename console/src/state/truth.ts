import type { Truth } from '../wire/frame';

/** Beyond this a track is not of the road user in question, metres. */
export const NEAR_M = 50;

const METRES_PER_DEGREE = 111_195;

/** Metres between two places near each other, degrees. */
export function apartM(lonA: number, latA: number, lonB: number, latB: number): number {
  const east = (lonB - lonA) * Math.cos((((latA + latB) / 2) * Math.PI) / 180);
  return METRES_PER_DEGREE * Math.hypot(east, latB - latA);
}

/** The place nearest to a point and how far it is, metres; null if none is within `NEAR_M`. */
export function nearest(
  lon: number,
  lat: number,
  places: { count: number; lon: ArrayLike<number>; lat: ArrayLike<number> },
): { index: number; distanceM: number } | null {
  let best: { index: number; distanceM: number } | null = null;
  for (let index = 0; index < places.count; index++) {
    const distanceM = apartM(lon, lat, places.lon[index] as number, places.lat[index] as number);
    if (distanceM <= (best?.distanceM ?? NEAR_M)) best = { index, distanceM };
  }
  return best;
}

/** The corners of a road user's outline, degrees, the first again at the end. */
export function outline(truth: Truth, i: number): [number, number][] {
  const [lon, lat] = [truth.lon[i] as number, truth.lat[i] as number];
  const heading = ((truth.headingDeg[i] as number) * Math.PI) / 180;
  const [ahead, aside] = [(truth.lengthM[i] as number) / 2, (truth.widthM[i] as number) / 2];
  const perLon = METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180);
  return ([[1, 1], [1, -1], [-1, -1], [-1, 1], [1, 1]] as const).map(([a, s]) => {
    const east = a * ahead * Math.sin(heading) + s * aside * Math.cos(heading);
    const north = a * ahead * Math.cos(heading) - s * aside * Math.sin(heading);
    return [lon + east / perLon, lat + north / METRES_PER_DEGREE];
  });
}
