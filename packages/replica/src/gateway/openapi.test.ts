// Goal: the OpenAPI file describes the routes that exist, all of them and no others. Method: compare it with the
// gateway's own list.

import { expect, test } from 'vitest'
import openapi from './openapi.json' with { type: 'json' }
import { startHarness } from './testing/harness.ts'

test('described are the routes there are', async () => {
  const harness = await startHarness()
  const described = Object.entries(openapi.paths).flatMap(([path, item]) =>
    Object.keys('$ref' in item ? openapi.components.pathItems.pipeline : item).map(
      (method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    ),
  )
  expect(described.toSorted()).toEqual(harness.gateway.routes.toSorted())
  expect((await harness.get('/openapi.json')).json).toEqual(openapi)
  await harness.close()
})

test('every reference leads somewhere', () => {
  const references: string[] = []
  JSON.stringify(openapi, (key, value: unknown) => {
    if (key === '$ref') references.push(String(value))
    return value
  })
  expect(references.length).toBeGreaterThan(10)
  for (const reference of references) {
    let place: unknown = openapi
    for (const step of reference.slice(2).split('/')) place = (place as Record<string, unknown>)[step]
    expect(place, reference).toBeTypeOf('object')
  }
})
