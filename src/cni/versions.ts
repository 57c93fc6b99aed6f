// The versions of the CNI specification that Podlane speaks, oldest first.

export const supportedVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const
export type Version = (typeof supportedVersions)[number]
export const newestVersion: Version = '1.1.0'
/** What a config that names no version speaks. */
export const unnamedVersion: Version = '0.1.0'

export const toVersion = (text: string): Version | undefined => supportedVersions.find((v) => v === text)

/** True from `first` on. */
export const atLeast = (version: Version, first: Version): boolean =>
  supportedVersions.indexOf(version) >= supportedVersions.indexOf(first)
