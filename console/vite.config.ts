import { defineConfig } from 'vite';
import { protoSchema } from './build/proto-schema.ts';

const cloud = process.env.JXZ_CLOUD ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: './',
  plugins: [protoSchema('../proto/jxz/console/v1/console.proto')],
  build: { target: 'es2022', chunkSizeWarningLimit: 1600 },
  worker: { format: 'es' },
  // `npm run dev` beside a running cloud daemon.
  server: {
    proxy: {
      '/api': { target: cloud },
      '/ws': { target: cloud.replace(/^http/, 'ws'), ws: true },
    },
  },
  test: { include: ['test/unit/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
