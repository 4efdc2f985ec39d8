import { createServer } from 'node:net'

/** Whether nobody listens on `port` of `host` now. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** The first of `count` ports in a row, from `from` upwards, that are all free now; undefined where there are none. */
export async function freeRun(from: number, count: number, isFree = isPortFree): Promise<number | undefined> {
  let first = from
  for (let port = from; port <= 65_535; port += 1) {
    if (!(await isFree(port))) first = port + 1
    else if (port - first + 1 === count) return first
  }
  return undefined
}
