import { Command, InvalidArgumentError, Option } from 'commander'

export interface DoctorOptions {
  /** Ids of the findings to repair. */
  repair: string[]
  json: boolean
  prometheus: boolean
  silentMinutes: number
}

/** Where a command writes to: a process, or what stands for one. */
export interface Output {
  stdout: { write: (text: string) => unknown }
  stderr: { write: (text: string) => unknown }
}

/** The doctor's options. Throws CommanderError, after it has said what is wrong. */
export function parseOptions(args: string[], { stdout, stderr }: Output): DoctorOptions {
  return new Command('doctor')
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
    .description(
      'Compares what the event log says of every store with the releases that are there. Changes nothing unless told to. ' +
        'Ends with 0 when they agree, 1 when they do not, 2 when it could not look.',
    )
    .option('--repair <finding...>', 'repair these findings, where the system has a way to', [])
    .option('--json', 'the report as one JSON object', false)
    .addOption(
      new Option('--prometheus', "the report's figures as Prometheus text")
        .default(false)
        .conflicts('json'),
    )
    .option(
      '--silent-minutes <minutes>',
      'a store that is waited for and has been silent for longer has nobody at work',
      minutes,
      30,
    )
    .exitOverride()
    .parse(args, { from: 'user' })
    .opts<DoctorOptions>()
}

function minutes(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a number above 0.')
  return Number(text)
}
