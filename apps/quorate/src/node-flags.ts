/**
 * Flags of Node for a replica process. Left to itself V8 sizes its heaps after the machine's memory and lets garbage pile up;
 * bounded, a replica under full load takes a third less memory at the same speed. For an operator's own start line, see
 * docs/operating.md.
 */
export const REPLICA_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4', '--max-old-space-size=1024']
