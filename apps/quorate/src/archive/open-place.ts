import { resolve } from 'node:path'
import { usageError } from '../errors.ts'
import { FolderPlace } from './folder-place.ts'
import type { Place } from './place.ts'
import { S3Place, s3Options } from './s3-place.ts'

/** The place that a person named: a folder, or s3://bucket/prefix. @throws CliError USAGE */
export function openPlace(target: string): Place {
  if (target.startsWith('s3://')) return new S3Place(s3Options(target, process.env))
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target))
    throw usageError('USAGE', `${target}: an archive is a folder, or s3://bucket/prefix`)
  return new FolderPlace(resolve(target))
}
