import openapi from './openapi.json' with { type: 'json' }

/** The OpenAPI description of every route, as JSON text. */
export const OPENAPI: string = JSON.stringify(openapi)
