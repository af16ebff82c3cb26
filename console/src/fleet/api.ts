/** What the cloud says of managed nodes and roll-outs. Names are those of the interface. */

export interface Shortfall {
  name: string;
  subject: string;
}

export interface ApplicationRow {
  name: string;
  on: boolean | null;
  wanted: boolean | null;
  state: 'on' | 'off' | 'pending' | 'unknown';
}

export interface Pair {
  desired: string | null;
  actual: string | null;
}

export interface Certificate {
  serial: string;
  not_before_ms: number;
  not_after_ms: number;
  renew_at_ms: number;
}

export interface KeptCertificate {
  serial: string;
  not_before_ms: number;
  not_after_ms: number;
  issued_for: string;
  revoked_at_ms: number | null;
}

export interface NodeRow {
  site: string;
  name_zh: string | null;
  name_en: string | null;
  connected: boolean;
  freshness: string;
  last_heard_ms: number | null;
  service: { level: 'full' | 'degraded'; shortfalls: Shortfall[] } | null;
  health: {
    at_ms: number;
    uptime_s: number;
    tracks: number;
    warnings: number;
    subscribers: number;
    latencies: { stage: string; p50_ms: number; p99_ms: number; count: number }[];
    sensors: { id: string; kind: string; freshness: string; scans_per_s: number | null }[];
    dropped: Record<string, number>;
  } | null;
  configuration: {
    state: 'none' | 'pending' | 'applied' | 'rejected';
    reason: string | null;
    desired: { revision: number; digest: string; document: unknown; at_ms: number; who: string; why: string } | null;
    actual: { revision: number; digest: string } | null;
  };
  applications: ApplicationRow[];
  software: Pair;
  map: Pair;
  managed: boolean;
  certificate: Certificate | null;
  certificates: KeptCertificate[];
}

export interface NodeList {
  nodes: NodeRow[];
  /** Whether this cloud issues certificates. */
  enrolment: boolean;
  right: 'viewer' | 'operator' | 'admin';
}

export interface LogLine {
  number: number;
  at_ms: number;
  level: 'info' | 'warn' | 'error';
  target: string;
  text: string;
}

/** A part of a node's log. */
export interface LogPart {
  site: string;
  /** Differs from start to start of the node. */
  boot: number;
  /** Lines that the node had no more. */
  lost: number;
  lines: LogLine[];
}

export type Step = 'waiting' | 'sent' | 'applied' | 'absent' | 'restoring' | 'restored';

export interface RolloutRow {
  number: number;
  at_ms: number;
  who: string;
  change: unknown;
  phase: 'applying' | 'soaking' | 'done' | 'rolling_back' | 'rolled_back';
  over: boolean;
  why: string | null;
  canary: string;
  soak_s: number;
  batch: number;
  sites: { site: string; step: Step; revision: number | null; note: string | null; canary: boolean }[];
}

export interface Token {
  site: string;
  token: string;
  expires_at_ms: number;
  command: string;
}
