/** Line icons on a 24 by 24 grid. */
const PATHS: Record<string, string> = {
  collision: 'M3 17h5l2-4H5zM21 17h-5l-2-4h5zM12 3v4M7.5 5l2 3M16.5 5l-2 3',
  pedestrian: 'M13 4.5a1.5 1.5 0 1 0-.01 0M10 21l2-6 -2-3 1-4 3 2 3 1M12 15l3 2 1 4M11 8l-3 2-1 3',
  vehicle_ahead: 'M5 20v-6l2-5h10l2 5v6M5 14h14M8 17h.01M16 17h.01M12 2v4M9.5 4L12 6.5 14.5 4',
  speed_limit: 'M12 3a9 9 0 1 0 .01 0M8.5 9v6M12 9h4v6h-4z',
  road_condition: 'M12 3l9.5 17h-19zM12 9v5M12 17h.01',
  signal: 'M9 3h6v18H9zM12 7h.01M12 12h.01M12 17h.01',
  emergency_vehicle: 'M3 17V9h10l4 4h4v4zM7 17h.01M17 17h.01M8 9V6h4v3M6 3l1 1M14 3l-1 1',
  guidance: 'M5 21V11a3 3 0 0 1 3-3h11M15 4l4 4-4 4',
  search: 'M10.5 4a6.5 6.5 0 1 0 .01 0M15.5 15.5L21 21',
  close: 'M6 6l12 12M18 6L6 18',
  play: 'M7 4l13 8-13 8z',
  pause: 'M7 4v16M17 4v16',
  back: 'M19 12H5M11 6l-6 6 6 6',
  incidents: 'M12 3l9.5 17h-19zM9 14h6',
  conditions: 'M9.7 20l1.5-14h1.6l1.5 14M5 20h14M10 15.5h4M10.6 11h2.8',
  layers: 'M12 3l9 5-9 5-9-5zM3 13l9 5 9-5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  home: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  compass: 'M12 3l4 9-4 9-4-9zM8 12h8',
  sun: 'M12 8a4 4 0 1 0 .01 0M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M19 5l-1.5 1.5M6.5 17.5L5 19',
  moon: 'M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z',
  target: 'M12 5a7 7 0 1 0 .01 0M12 2v5M12 17v5M2 12h5M17 12h5',
  sites: 'M12 21v-9M8 21h8M12 12a2 2 0 1 0-.01 0M7.5 14.5a6 6 0 0 1 0-9M16.5 5.5a6 6 0 0 1 0 9M5 17a10 10 0 0 1 0-14M19 3a10 10 0 0 1 0 14',
  latency: 'M3 20h18M5 16l4-6 4 3 6-9',
  warnings: 'M12 3l9.5 17h-19zM12 9v5M12 17h.01',
  radar: 'M12 12L19 5M12 3a9 9 0 1 0 9 9M12 8a4 4 0 1 0 4 4',
  user: 'M12 4a4 4 0 1 0 .01 0M4.5 20.5a7.5 7.5 0 0 1 15 0',
  camera: 'M4 8h11v9H4zM15 11l5-3v9l-5-3z',
};

export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', PATHS[name] ?? PATHS.warnings ?? '');
  svg.append(path);
  return svg;
}
