/** Icons drawn by hand, as distance fields so that the style may colour them. */
import type { Map as MapLibreMap } from 'maplibre-gl';

const SIZE = 64;
const RADIUS = 8;
const CUTOFF = 0.25;

const ICONS: Record<string, (c: CanvasRenderingContext2D) => void> = {
  arrow(c) {
    c.lineWidth = 7;
    c.beginPath();
    c.moveTo(14, 32);
    c.lineTo(42, 32);
    c.stroke();
    c.beginPath();
    c.moveTo(38, 20);
    c.lineTo(52, 32);
    c.lineTo(38, 44);
    c.fill();
  },
  mast(c) {
    c.lineWidth = 5;
    c.beginPath();
    c.moveTo(32, 26);
    c.lineTo(20, 56);
    c.moveTo(32, 26);
    c.lineTo(44, 56);
    c.moveTo(25, 44);
    c.lineTo(39, 44);
    c.stroke();
    for (const r of [13, 22]) {
      c.beginPath();
      c.arc(32, 22, r, -0.7, 0.7);
      c.stroke();
      c.beginPath();
      c.arc(32, 22, r, Math.PI - 0.7, Math.PI + 0.7);
      c.stroke();
    }
    c.beginPath();
    c.arc(32, 22, 5, 0, 7);
    c.fill();
  },
  bus(c) {
    c.beginPath();
    c.roundRect(14, 10, 36, 38, 7);
    c.rect(18, 48, 7, 7);
    c.rect(39, 48, 7, 7);
    c.fill();
    c.globalCompositeOperation = 'destination-out';
    c.fillRect(19, 17, 26, 14);
    c.fillRect(19, 38, 7, 5);
    c.fillRect(38, 38, 7, 5);
  },
};

export function addIcons(map: MapLibreMap): void {
  for (const [name, draw] of Object.entries(ICONS)) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = SIZE;
    const context = canvas.getContext('2d');
    if (!context) continue;
    draw(context);
    const image = distanceField(context.getImageData(0, 0, SIZE, SIZE));
    map.addImage(name, image, { sdf: true });
  }
}

/** The field that MapLibre expects: alpha 191 at the edge, falling over `RADIUS` pixels outwards. */
function distanceField(image: ImageData): ImageData {
  const inside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < SIZE && y < SIZE && (image.data[(y * SIZE + x) * 4 + 3] ?? 0) > 127;
  const field = new ImageData(SIZE, SIZE);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const here = inside(x, y);
      let least = RADIUS;
      for (let dy = -RADIUS; dy <= RADIUS; dy++) {
        for (let dx = -RADIUS; dx <= RADIUS; dx++) {
          if (inside(x + dx, y + dy) !== here) least = Math.min(least, Math.hypot(dx, dy) - 0.5);
        }
      }
      const distance = here ? -least : least;
      field.data[(y * SIZE + x) * 4 + 3] = 255 * (1 - CUTOFF - distance / RADIUS);
    }
  }
  return field;
}
