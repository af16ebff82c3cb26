import { currentLanguage } from '../i18n';

/** A moment for reading, in the time of the one who reads. */
export function moment(ms: number): string {
  const language = currentLanguage() === 'zh' ? 'zh-CN' : 'en-GB';
  return new Date(ms).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' });
}

/** An audit entry's particulars, `name value` each; the text itself where it is no object. */
export function detailOf(detail: string): string {
  try {
    const fields: unknown = JSON.parse(detail);
    if (fields === null || typeof fields !== 'object' || Array.isArray(fields)) return detail;
    const shown = Object.entries(fields).map(([name, value]) => {
      if (name.endsWith('_ms') && typeof value === 'number') return `${name.slice(0, -3)} ${moment(value)}`;
      return `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
    });
    return shown.join(' · ');
  } catch {
    return detail;
  }
}
