// Goal: what a transaction does by itself: its operations, scopes and ends. Method: one case each; where a rule speaks of
// failed branches and of leaving a body, the case tries to break it by catching what is thrown.

import { afterEach, expect, test } from 'vitest'
import type { StmErrorCode } from './errors.ts'
import { StmError } from './errors.ts'
import { atomically, atomicallySync } from './local.ts'
import type { Tx } from './transaction.ts'
import { LOCAL, newTVar, TVar } from './tvar.ts'

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

afterEach(() => {
  expect([LOCAL.waiting.count, LOCAL.line.length]).toEqual([0, 0])
  expect(LOCAL.history.kept).toEqual({ snapshots: 0, values: 0 })
})

function codeOf(act: () => unknown): StmErrorCode | undefined {
  try {
    act()
  } catch (error) {
    if (error instanceof StmError) return error.code
    throw error
  }
  return undefined
}

const swallow = (act: () => unknown): void => {
  try {
    act()
  } catch {
    // Bodies ought not to do this.
  }
}

test('operations see the own writes, and all are committed together', async () => {
  const a = newTVar(1)
  const b = new TVar(2)
  const seen = await atomically((tx) => {
    tx.update(a, (x) => x + 10)
    const old = tx.replace(b, 20)
    const result = tx.modify(a, (x) => [`was ${x}`, x + 1])
    tx.swap(a, b)
    expect([a.value, b.value]).toEqual([1, 2])
    return [old, result, tx.read(a), tx.read(b)]
  })
  expect(seen).toEqual([2, 'was 11', 20, 12])
  expect([a.value, b.value]).toEqual([20, 12])
})

test('more variables than are searched one by one', () => {
  const variables = Array.from({ length: 200 }, (_, i) => newTVar(i))
  const sum = atomicallySync((tx) => {
    for (const each of variables) tx.update(each, (x) => x + 1)
    return variables.reduce((total, each) => total + tx.read(each), 0)
  })
  expect(sum).toBe((200 * 199) / 2 + 200)
  expect(variables.map((each) => each.value)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
})

test('undefined is a value', () => {
  const a = newTVar<number | undefined>(undefined)
  expect(atomicallySync((tx) => tx.read(a))).toBeUndefined()
  atomicallySync((tx) => tx.write(a, 1))
  expect(atomicallySync((tx) => tx.replace(a, undefined))).toBe(1)
  expect(a.value).toBeUndefined()
})

test('a throw undoes everything, and the next transaction runs', async () => {
  const a = newTVar(0)
  const failing = (tx: Tx): void => {
    tx.write(a, 9)
    throw new Error('boom')
  }
  expect(() => atomicallySync(failing)).toThrow('boom')
  await expect(atomically(failing)).rejects.toThrow('boom')
  await expect(
    atomically(async (tx) => {
      await tick()
      failing(tx)
    }),
  ).rejects.toThrow('boom')
  expect(a.value).toBe(0)
  atomicallySync((tx) => tx.write(a, 1))
  expect(a.value).toBe(1)
})

test('abort fails with its error and undoes everything, caught or not', async () => {
  const a = newTVar(0)
  const reason = { code: 'INSUFFICIENT' }
  const aborting = (tx: Tx): number => {
    tx.write(a, 9)
    swallow(() => tx.abort(reason))
    swallow(() => tx.write(a, 10))
    return 1
  }
  await expect(atomically(aborting)).rejects.toBe(reason)
  await expect(
    atomically(async (tx) => {
      await tick()
      return aborting(tx)
    }),
  ).rejects.toBe(reason)
  await expect(atomically((tx) => tx.abort(undefined))).rejects.toBeUndefined()
  await expect(atomically((tx) => tx.orElse((inner) => inner.abort(reason), aborting))).rejects.toBe(reason)
  await expect(atomically((tx) => tx.nested((inner) => inner.abort(reason)))).rejects.toBe(reason)
  let thrown: unknown
  try {
    atomicallySync(aborting)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBe(reason)
  expect(a.value).toBe(0)
})

test('orElse takes the first branch that does not retry, and undoes the others', () => {
  const a = newTVar(0)
  const b = newTVar('none')
  const result = atomicallySync((tx) => {
    tx.write(a, 1)
    return tx.orElse(
      (inner) => {
        inner.update(a, (x) => x + 10)
        inner.write(b, 'left')
        return inner.retry()
      },
      (inner) => {
        expect([inner.read(a), inner.read(b)]).toEqual([1, 'none'])
        inner.update(a, (x) => x + 100)
        return 'middle'
      },
      () => 'never',
    )
  })
  expect([result, a.value, b.value]).toEqual(['middle', 101, 'none'])
})

test('orElse: a swallowed retry is a retry; a throw is no alternative', () => {
  const a = newTVar(0)
  const swallowing = (tx: Tx): string => {
    tx.write(a, 5)
    swallow(() => tx.retry())
    return 'swallowed'
  }
  expect(atomicallySync((tx) => tx.orElse(swallowing, () => 'right'))).toBe('right')
  expect(a.value).toBe(0)
  const throwing = (tx: Tx): string => {
    tx.write(a, 5)
    throw new Error('left')
  }
  expect(() => atomicallySync((tx) => tx.orElse(throwing, () => 'right'))).toThrow('left')
  expect(codeOf(() => atomicallySync((tx) => tx.orElse(swallowing, swallowing)))).toBe('WOULD_BLOCK')
  expect(codeOf(() => atomicallySync((tx) => tx.orElse()))).toBe('WOULD_BLOCK')
  expect(a.value).toBe(0)
})

test('orElse with branches that await', async () => {
  const a = newTVar(0)
  const result = await atomically((tx) =>
    tx.orElse(
      async (inner) => {
        inner.write(a, 5)
        await tick()
        return inner.retry()
      },
      async (inner) => {
        await tick()
        inner.update(a, (x) => x + 1)
        return 'right'
      },
    ),
  )
  expect([result, a.value]).toEqual(['right', 1])
})

test('nested: what it wrote is undone if it throws, and only that', async () => {
  const a = newTVar(0)
  const b = newTVar(0)
  const inner = (tx: Tx): void => {
    tx.update(a, (x) => x + 1)
    tx.write(b, 7)
    throw new Error('inner')
  }
  atomicallySync((tx) => {
    tx.write(a, 10)
    swallow(() => tx.nested(inner))
    expect([tx.read(a), tx.read(b)]).toEqual([10, 0])
    tx.nested((scope) => scope.update(a, (x) => x + 5))
  })
  expect([a.value, b.value]).toEqual([15, 0])
  await atomically(async (tx) => {
    await tx
      .nested(async (scope) => {
        scope.write(b, 1)
        await tick()
        inner(scope)
      })
      .catch(() => undefined)
    await tx.nested(async (scope) => {
      await tick()
      scope.write(a, 1)
    })
  })
  expect([a.value, b.value]).toEqual([1, 0])
})

test('nested scopes lie within each other, or the transaction fails', async () => {
  const a = newTVar(0)
  const crossing = atomically(async (tx) => {
    let open: () => void = () => undefined
    const first = tx.nested(async (inner) => {
      inner.write(a, 1)
      await new Promise<void>((resolve) => {
        open = resolve
      })
    })
    const second = tx.nested(async (inner) => {
      await tick()
      await tick()
      inner.write(a, 2)
    })
    open()
    await Promise.allSettled([first, second])
  })
  await expect(crossing).rejects.toMatchObject({ code: 'INTERLEAVED' })
  expect(a.value).toBe(0)
})

test('a variable made in a transaction lives on with what refers to it', async () => {
  const box = newTVar<TVar<number> | undefined>(undefined)
  await atomically((tx) => {
    const made = newTVar(1)
    tx.update(made, (x) => x + 1)
    tx.write(box, made)
  })
  expect(box.value?.value).toBe(2)
})

test('afterCommit: in order, once, only for what was committed, and free to start transactions', async () => {
  const a = newTVar(0)
  const order: string[] = []
  await atomically((tx) => {
    tx.afterCommit(() => {
      order.push(`first sees ${a.value}`)
      atomicallySync((other) => other.update(a, (x) => x + 1))
    })
    tx.orElse(
      (inner) => {
        inner.afterCommit(() => order.push('never: the branch retried'))
        return inner.retry()
      },
      (inner) => inner.afterCommit(() => order.push(`second sees ${a.value}`)),
    )
    tx.write(a, 1)
  })
  expect(order).toEqual(['first sees 1', 'second sees 2'])
  await atomically((tx) => {
    tx.afterCommit(() => order.push('never: aborted'))
    tx.abort(undefined)
  }).catch(() => undefined)
  expect(order.length).toBe(2)
})

test('afterCommit: an action that throws is told, the commit stands, the others run', async () => {
  const a = newTVar(0)
  let ran = 0
  const body = (tx: Tx): void => {
    tx.update(a, (x) => x + 1)
    tx.afterCommit(() => {
      throw new Error('action')
    })
    tx.afterCommit(() => {
      ran += 1
    })
  }
  await expect(atomically(body)).rejects.toMatchObject({ code: 'AFTER_COMMIT', cause: new Error('action') })
  expect(codeOf(() => atomicallySync(body))).toBe('AFTER_COMMIT')
  await expect(
    atomically(async (tx) => {
      await tick()
      body(tx)
    }),
  ).rejects.toMatchObject({ code: 'AFTER_COMMIT' })
  expect([a.value, ran]).toEqual([3, 3])
})

test('a transaction is used until its end, and no longer', async () => {
  const a = newTVar(0)
  let kept: Tx | undefined
  atomicallySync((tx) => {
    kept = tx
  })
  const late = kept
  expect(late).toBeDefined()
  const uses: ((tx: Tx) => unknown)[] = [
    (tx) => tx.read(a),
    (tx) => tx.write(a, 1),
    (tx) => tx.update(a, (x) => x),
    (tx) => tx.retry(),
    (tx) => tx.check(false),
    (tx) => tx.abort(1),
    (tx) => tx.orElse(() => 1),
    (tx) => tx.nested(() => 1),
    (tx) => tx.afterCommit(() => undefined),
  ]
  for (const use of uses) expect(codeOf(() => late && use(late))).toBe('ENDED')
  atomicallySync((tx) => {
    tx.write(a, 1)
    expect(codeOf(() => late?.write(a, 5))).toBe('ENDED')
  })
  expect(a.value).toBe(1)
  let other: Tx | undefined
  const slow = atomically(
    async (tx) => {
      other = tx
      await new Promise(() => undefined)
    },
    { timeoutMs: 5 },
  )
  await expect(slow).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(codeOf(() => other?.read(a))).toBe('ENDED')
})

test('no transaction starts inside a synchronous body', async () => {
  const a = newTVar(0)
  let inner: Promise<unknown> = Promise.resolve()
  const code = atomicallySync((tx) => {
    tx.write(a, 1)
    inner = atomically((other) => other.write(a, 2))
    inner.catch(() => undefined)
    return codeOf(() => atomicallySync((other) => other.write(a, 2)))
  })
  await expect(inner).rejects.toMatchObject({ code: 'NESTED' })
  expect([code, a.value]).toEqual(['NESTED', 1])
  // A body that threw leaves nothing behind: a transaction may start.
  expect(() =>
    atomicallySync(() => {
      throw new Error('boom')
    }),
  ).toThrow('boom')
  expect(atomicallySync((tx) => tx.read(a))).toBe(1)
})

test('atomicallySync takes bodies that neither wait nor return promises', () => {
  const a = newTVar(0)
  expect(codeOf(() => atomicallySync((tx) => tx.check(tx.read(a) > 0)))).toBe('WOULD_BLOCK')
  expect(codeOf(() => atomicallySync((tx) => swallow(() => tx.retry())))).toBe('WOULD_BLOCK')
  const rejected = async (tx: Tx): Promise<void> => {
    tx.write(a, 1)
    throw new Error('nobody hears this')
  }
  expect(codeOf(() => atomicallySync(rejected))).toBe('ASYNC_BODY')
  expect(a.value).toBe(0)
})
