import { defineConfig } from 'vitest/config'

const conditions = ['source', 'module', 'node', 'import', 'default']
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } }

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          execArgv: ['--conditions=source'],
          // Only a test that hangs takes so long: how fast a machine is, or how busy, decides nothing here.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'cluster',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/chaos/**'],
          execArgv: ['--conditions=source'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'chaos',
          include: ['tests/chaos/**/*.test.ts'],
          execArgv: ['--conditions=source'],
          fileParallelism: false,
        },
      },
    ],
  },
})
