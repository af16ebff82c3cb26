import { DICTIONARIES, tName } from '../i18n';

/** An incident in a list; times are the cloud's, milliseconds since the Unix epoch. */
export interface Incident {
  number: number;
  kind: string;
  level: string;
  lon_deg: number;
  lat_deg: number;
  opened_ms: number;
  last_evidence_ms: number;
  confidence: number;
  sites: string[];
  /** Null: it is open. */
  closed_ms: number | null;
  /** Null while it is open, and when evidence closed it. */
  closed_by: string | null;
}

export interface Line {
  at_ms: number;
  event: string;
  site?: string;
  warning?: string;
  kind?: string;
}

export interface Note {
  at_ms: number;
  who: string;
  text: string;
}

export interface Detail extends Incident {
  timeline: Line[];
  left_out: number;
  notes: Note[];
}

/** A line of the record as it is shown: what the twin noted and what people wrote, in order of time. */
export type Shown = { at_ms: number; line: Line } | { at_ms: number; note: Note };

export function recordOf(detail: Detail): Shown[] {
  const lines: Shown[] = detail.timeline.map((line) => ({ at_ms: line.at_ms, line }));
  const notes: Shown[] = detail.notes.map((note) => ({ at_ms: note.at_ms, note }));
  return [...lines, ...notes].sort((a, b) => a.at_ms - b.at_ms);
}

/** Open ones first, the gravest level first among them, then the newest. */
export function sortIncidents(incidents: readonly Incident[]): Incident[] {
  const rank = (i: Incident): number => (i.closed_ms !== null ? 9 : ['urgent', 'warning', 'advice'].indexOf(i.level));
  return [...incidents].sort((a, b) => rank(a) - rank(b) || b.number - a.number);
}

async function answerOf<T>(answer: Response): Promise<T> {
  const body: unknown = await answer.json().catch(() => null);
  if (answer.ok) return body as T;
  const error = (body as { error?: { code?: string; message?: string } } | null)?.error;
  // In the words of the page where it has them, else in those of the cloud.
  const key = `err_${error?.code ?? ''}`;
  throw new Error(key in DICTIONARIES.en ? tName(key) : (error?.message ?? `status ${answer.status}`));
}

export const listIncidents = async (): Promise<Incident[]> =>
  (await answerOf<{ incidents: Incident[] }>(await fetch('./api/v1/incidents?limit=50'))).incidents;

export const incidentDetail = async (number: number): Promise<Detail> => answerOf(await fetch(`./api/v1/incidents/${number}`));

/** Writes a note, and closes the incident if `close`. */
export const writeNote = async (number: number, note: string, close: boolean): Promise<Detail> =>
  answerOf(
    await fetch(`./api/v1/incidents/${number}/${close ? 'close' : 'notes'}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-jxz-request': '1' },
      body: JSON.stringify({ note }),
    }),
  );
