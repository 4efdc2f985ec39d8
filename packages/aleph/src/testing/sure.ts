import { must } from '@quorate/kernel'

/** The value, which the test's own construction guarantees. */
export function sure<T>(value: T | undefined): T {
  return must(value, 'a test looked up what it did not make')
}
