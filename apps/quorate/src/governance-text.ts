// Members' orders in words.

import type { Change, GovernanceAction } from '@quorate/types'
import { visible } from './shell/format.ts'

/** What a proposal would change. */
export function changeText(change: Change): string {
  switch (change.kind) {
    case 'add':
      return `add ${visible(change.name)} (${change.member}) at ${visible(change.address)}`
    case 'remove':
      return `remove ${change.member}`
    case 'rekey':
      return `give ${change.member} the new key ${change.successor}`
  }
}

/** What a member orders. */
export function actionText(action: GovernanceAction): string {
  switch (action.kind) {
    case 'propose':
      return `proposes to ${changeText(action.change)}`
    case 'approve':
      return `approves proposal ${action.proposal} (change ${action.change})`
    case 'withdraw':
      return `withdraws from proposal ${action.proposal}`
    case 'address':
      return `has moved to ${visible(action.address)}`
  }
}
